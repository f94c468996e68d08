package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lmittmann/tint"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/printable"
)

// evil holds what could steer a terminal: escapes, new lines, C1 controls, turned writing, and a text that tint itself
// would turn into an escape.
const evil = "\x1b[31mred\r\n2026 ERR all is well\u009b31m\u202e\x00\x7f" + `\x1b[2J`

func TestForeignTextCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	handlers := map[string]func(*strings.Builder) *slog.Logger{
		"json": func(b *strings.Builder) *slog.Logger { return newLogger(config.Log{LogFormat: "json"}, b) },
		"text": func(b *strings.Builder) *slog.Logger { return newLogger(config.Log{LogFormat: "text"}, b) },
		"colour": func(b *strings.Builder) *slog.Logger {
			return slog.New(tint.NewTextHandler(b, &tint.Options{ReplaceAttr: readable}))
		},
	}
	for name, make := range handlers {
		var plain, b strings.Builder
		make(&plain).Info("m", "text", "t", "err", errors.New("e"), "list", []string{"l"}, slog.Group("group", "text", "t"))
		make(&b).Info(evil, "text", evil, "err", errors.New(evil), "list", []string{evil}, slog.Group("group", "text", evil))
		line, found := strings.CutSuffix(b.String(), "\n")
		if !found || strings.ContainsAny(line, "\r\n\u009b\u202e\x00\x7f") {
			t.Errorf("%s: control characters got through: %q", name, line)
		}
		if got, own := strings.Count(line, "\x1b"), strings.Count(plain.String(), "\x1b"); got != own {
			t.Errorf("%s: %d escapes, of which %d are its own: %q", name, got, own, line)
		}
		if !strings.Contains(line, "all is well") {
			t.Errorf("%s: the text itself is gone: %q", name, line)
		}
	}
	if got := printable.Text(evil + "\xff ü"); strings.ContainsFunc(got, printable.Unsafe) || !strings.HasSuffix(got, "\uFFFD ü") {
		t.Errorf("printable gives %q", got)
	}
}

func TestLogLevelAndFormatAreObeyed(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	log := newLogger(config.Log{LogLevel: "warn", LogFormat: "auto"}, &b)
	log.Info("quiet")
	log.Warn("loud")
	if got := b.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"msg":"loud"`) {
		t.Errorf("got %q, expected one line of JSON", got)
	}
}

func TestALogLineHoldsNoEmptyHintAndNoNanoseconds(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		var b strings.Builder
		newLogger(config.Log{LogFormat: format}, &b).Info("retrying", "wait", 51336913596*time.Nanosecond, "hint", "", "url", "")
		if got := b.String(); strings.Contains(got, "hint") || !strings.Contains(got, "51.337s") || !strings.Contains(got, "url") {
			t.Errorf("%s: %q", format, got)
		}
	}
}
