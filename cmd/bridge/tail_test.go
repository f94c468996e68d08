package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
)

// tailed is a running tail, in this process.
type tailed struct {
	*testing.T
	lines *bufio.Scanner
	stop  context.CancelFunc
	code  chan int
	log   strings.Builder
}

func startTail(t *testing.T, env config.Lookup, args ...string) *tailed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	run := &tailed{T: t, lines: bufio.NewScanner(read), stop: cancel, code: make(chan int, 1)}
	go func() {
		run.code <- execute(ctx, append([]string{"tail"}, args...), streams{env: env, out: write, err: &run.log})
		write.Close()
	}()
	t.Cleanup(func() { cancel(); read.Close() })
	return run
}

// next returns the next line.
func (r *tailed) next() string {
	r.Helper()
	if !r.lines.Scan() {
		r.Fatalf("tail ended: %d, %s", <-r.code, &r.log)
	}
	return r.lines.Text()
}

// end stops the tail as Ctrl-C does.
func (r *tailed) end() {
	r.Helper()
	r.stop()
	for r.lines.Scan() {
	}
	if code := <-r.code; code != hint.Done {
		r.Errorf("exit code %d, %s", code, &r.log)
	}
}

func TestTailNeedsOnlyToLookAndIsHarmless(t *testing.T) {
	t.Parallel()
	js, env := lookedAt(t)
	hostile := "up\x1b[31m\u009b2J\u202e<b>\"\U000E0001"
	put(t, js, schema.Readings, hour(), measured("a", hostile, "22.3825420000"))
	text := startTail(t, env, "--since", "1h")
	if head := text.next(); !strings.HasPrefix(head, "measured (UTC)") {
		t.Errorf("it begins with %q", head)
	}
	line := text.next()
	if strings.ContainsFunc(line, printable.Unsafe) || !strings.Contains(line, "live") || !strings.HasSuffix(line, " 22.38") || !strings.Contains(line, hour().From.Format("01-02 15:04:05")) {
		t.Errorf("%q", line)
	}
	text.end()

	run := startTail(t, env, "--since", "1h", "--json")
	line = run.next()
	run.end()
	var event struct {
		SpecVersion, ID, Source, Type, Subject, Time, DataContentType, DataSchema, Lane string
		Data                                                                            json.RawMessage
	}
	if err := json.Unmarshal([]byte(line), &event); err != nil || strings.ContainsFunc(line, printable.Unsafe) {
		t.Fatalf("%v: %q", err, line)
	}
	if event.SpecVersion != "1.0" || event.ID != "a" || event.Type != "saveris.reading.v1" || event.Lane != "live" || event.DataContentType != "application/json" ||
		!strings.HasPrefix(event.Subject, hostile) || event.Time != hour().From.Format(time.RFC3339) {
		t.Errorf("%+v", event)
	}
	var data struct {
		Value  json.Number
		Sensor struct {
			Serial string `json:"serial_no"`
		}
	}
	if err := json.Unmarshal(event.Data, &data); err != nil || data.Value != "22.3825420000" || data.Sensor.Serial != hostile {
		t.Errorf("%s: %v", event.Data, err)
	}
}

func TestWrongFiltersAreRefusedByName(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprint(i))
	}
	for args, want := range map[string]string{
		"--feeds meters":                      `--feeds is "meters": expected readings, alarms, tasks, devices or health`,
		"--lane now":                          `--lane is "now": expected live or history`,
		"--severity Alarm":                    `--severity is "Alarm": expected alarm, warning or unknown`,
		"--state open":                        `--state is "open": expected raised, cleared or unknown`,
		"--site ,":                            "--site is empty: expected a name",
		"--since tomorrow":                    `--since is "tomorrow": expected an RFC 3339 time`,
		"--since 2100-01-01T00:00:00Z":        `--since is "2100-01-01T00:00:00Z": it lies in the future`,
		"--feeds readings --state raised":     "--severity and --state are of alarms",
		"--serial " + strings.Join(many, ","): "the filters make 101 subjects",
	} {
		var log strings.Builder
		code := execute(t.Context(), append([]string{"tail"}, strings.Fields(args)...), streams{env: with(), out: io.Discard, err: &log})
		if code != hint.Settings || !strings.Contains(log.String(), want) {
			t.Errorf("%s: exit code %d, %s", args, code, &log)
		}
	}
}

func TestTailEndsQuietlyWhenNobodyReadsIt(t *testing.T) {
	t.Parallel()
	js, env := lookedAt(t)
	put(t, js, schema.Readings, hour(), measured("a", "7", "1"))
	url, _ := env("NATS_URL")
	for _, how := range []string{"interrupted", "unread"} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(t, []string{"NATS_URL=" + url, "NATS_USER=reader", "NATS_PASSWORD=r"}, "tail", "--since", "1h")
		var log strings.Builder
		cmd.Stdout, cmd.Stderr = write, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		write.Close()
		lines := bufio.NewScanner(read)
		for range 2 {
			lines.Scan()
		}
		if how == "interrupted" {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		} else {
			read.Close()
			put(t, js, schema.Readings, hour(), measured("b", "7", "1"))
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != hint.Done || log.Len() > 0 {
			t.Errorf("%s: exit code %d, %s", how, code, &log)
		}
		read.Close()
	}
}
