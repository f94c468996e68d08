package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/printable"
)

// newLogger makes the logger of the whole process. It writes to w, which is standard error outside of tests.
func newLogger(s config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(s.LogLevel)) // the rule of BRIDGE_LOG_LEVEL has checked it
	if s.LogFormat == "json" || (s.LogFormat != "text" && !isTerminal(w)) {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: readable}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		Level:       level,
		TimeFormat:  time.TimeOnly,
		NoColor:     !isTerminal(w) || os.Getenv("NO_COLOR") != "",
		ReplaceAttr: readable,
	}))
}

// readable keeps what vendor and broker wrote from steering the terminal, leaves out a hint where there is none, and rounds
// durations. tint needs the first twice: it prints messages as they are, and turns a quoted \x1b back into an escape.
func readable(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		if v == "" && a.Key == "hint" {
			return slog.Attr{}
		}
		a.Value = slog.StringValue(printable.Log(v))
	case error:
		a.Value = slog.StringValue(printable.Log(v.Error()))
	case time.Duration: // JSON would count nanoseconds
		a.Value = slog.StringValue(v.Round(time.Millisecond).String())
	case slog.Level, time.Time, int64, uint64, float64, bool, nil:
	default:
		a.Value = slog.StringValue(printable.Log(fmt.Sprintf("%+v", v)))
	}
	return a
}

// isTerminal reports whether somebody may be looking at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// coloured reports whether events printed there have colours.
func coloured(w io.Writer) bool { return isTerminal(w) && os.Getenv("NO_COLOR") == "" }
