package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/verify"
)

// filled is a scene whose readings and alarms are stored up to the beginning of the test, on a broker that is gone on with.
func filled(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, saveristest.World{Sites: 2, Cycle: time.Minute})
	s.punctual()
	s.env = append(s.env, "NATS_URL=nats://"+s.broker())
	cmd := s.startCommand(s.env, "run")
	s.await("full coverage", func(ctx context.Context) bool { return s.covered(ctx) && s.alarmsCovered(ctx) })
	if code := stop(t, cmd); code != hint.Done {
		t.Fatalf("run: exit code %d", code)
	}
	return s
}

// punctual lets the vendor show rows as soon as they are measured.
func (s *scene) punctual() {
	s.vendor.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.RowsLate = "off" })
}

// alarmsCovered reports of alarms what covered tells of readings.
func (s *scene) alarmsCovered(ctx context.Context) bool {
	book := checkpoint.NewBook(checkpoint.NewStream(s.js, "SAVERIS_ALARMS", "saveris", "alarms"))
	records, err := book.Records(ctx, checkpoint.Span{From: s.start, Until: vendorAt}.Days())
	if err != nil {
		return false
	}
	var covered []checkpoint.Interval
	for _, r := range records {
		covered = append(covered, r.Covered...)
	}
	return len(checkpoint.Gaps(covered, s.start, vendorAt)) == 0
}

func (s *scene) verify(args ...string) outcome {
	return bridge(s.T, s.env, append([]string{"verify", "--from", s.start.Format(time.RFC3339), "--until", vendorAt.Format(time.RFC3339)}, args...)...)
}

// verdicts reads the JSON of bridge verify.
func verdicts(t *testing.T, out string) (days []verify.Day, sum verify.Summary) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines[:len(lines)-1] {
		var d verify.Day
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		days = append(days, d)
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil || !sum.Summary {
		t.Fatalf("no summary (%v): %s", err, out)
	}
	return days, sum
}

func TestVerifyProvesAndNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := filled(t)
	got := s.verify("--feeds", "readings")
	if got.code != hint.Done || got.err != "" || strings.Count(got.out, "  proven") != 2 || !strings.Contains(got.out, "\nproven: ") {
		t.Fatalf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	stream, err := s.js.Stream(t.Context(), streamOfReadings)
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.GetMsg(t.Context(), 1, jetstream.WithGetMsgSubject("saveris.readings.>"))
	if err == nil {
		err = stream.DeleteMsg(t.Context(), first.Sequence)
	}
	if err != nil {
		t.Fatal(err)
	}
	id := first.Header["ce-id"][0]
	before := s.messages(t.Context())
	got = s.verify("--feeds", "readings")
	cause, advice := lastLines(t, got.err)
	if got.code != hint.Failed || !strings.Contains(cause, "NOT proven: 1 rows") || !strings.Contains(advice, "--repair") ||
		!strings.Contains(got.out, "NOT proven: 1 missing") || !strings.Contains(got.out, "\nmissing  readings  2026-11-2") || !strings.Contains(got.out, id) {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	got = s.verify("--feeds", "readings", "--json")
	days, sum := verdicts(t, got.out)
	if got.code != hint.Failed || len(days) != 2 || sum.Proven || sum.Missing != 1 || sum.Days != 2 || sum.VendorRows != sum.Stored+1 {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	named := 0
	for _, d := range days {
		for _, diff := range d.Differences {
			named++
			if diff.ID != id || diff.Kind != verify.Missing || d.Proven {
				t.Errorf("named %+v, want %s", diff, id)
			}
		}
	}
	if named != 1 {
		t.Errorf("%d differences named", named)
	}
	if after := s.messages(t.Context()); after != before {
		t.Errorf("verify has changed the stream: %d messages, then %d", before, after)
	}
	if got := s.verify("--feeds", "alarms", "--json"); got.code != hint.Done {
		t.Errorf("alarms: exit code %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestVerifyWorksBesideARunWithItsOwnServer(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	s.punctual()
	listen := bridgetest.Address(t)
	s.env = append(s.env, "BRIDGE_NATS_LISTEN="+listen, "BRIDGE_DATA_DIR="+t.TempDir(), "BRIDGE_FEEDS=readings")
	cmd := s.startCommand(s.env, "run")
	s.connect("nats://" + listen)
	s.await("full coverage", s.covered)
	for _, running := range []bool{true, false} { // beside it, and on the store that it left
		if got := s.verify(); got.code != hint.Done {
			t.Errorf("running %v: exit code %d\n%s%s", running, got.code, got.out, got.err)
		}
		if running {
			stop(t, cmd)
		}
	}
}

func TestVerifyCreatesNothingAndRefusesWrongRanges(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	for args, want := range map[string]int{
		"--from 1h":                              hint.NATS, // no stream
		"":                                       hint.Settings,
		"--from yesterday":                       hint.Settings,
		"--from 1h --until 2h":                   hint.Settings,
		"--from 1h --until 1h":                   hint.Settings,
		"--from 2030-01-01T00:00:00Z":            hint.Settings,
		"--from 1h --feeds weather":              hint.Settings,
		"--from 1h --limit -1":                   hint.Settings,
		"--from 1h --until 2030-01-01T00:00:00Z": hint.NATS,
	} {
		got := bridge(t, env, append([]string{"verify"}, strings.Fields(args)...)...)
		cause, advice := lastLines(t, got.err)
		if got.code != want || !strings.HasPrefix(cause, "error: ") || !strings.HasPrefix(advice, "hint: ") {
			t.Errorf("%q: exit code %d, want %d\n%s", args, got.code, want, got.err)
		}
		if note := strings.Contains(got.err, "note: --until is in the vendor's future"); note != strings.Contains(args, "--until 2030") {
			t.Errorf("%q: %s", args, got.err)
		}
	}
	if info, err := s.js.AccountInfo(t.Context()); err != nil || info.Streams != 0 {
		t.Errorf("%d streams (%v), want none", info.Streams, err)
	}
	if got := bridge(t, append(s.env, "SAVERIS_PASSWORD=wrong", "NATS_URL=nats://127.0.0.1:1"), "verify", "--from", "1h"); got.code != hint.Vendor {
		t.Errorf("wrong password: exit code %d\n%s", got.code, got.err)
	}
	if got := bridge(t, append(s.env, "BRIDGE_DATA_DIR=nowhere"), "verify", "--from", "1h"); got.code != hint.NATS || !strings.Contains(got.err, "is not the store") {
		t.Errorf("no store: exit code %d\n%s", got.code, got.err)
	}
}

func TestVerifyNamesTheBackfillForWhatHasNotBeenReadYet(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	s.punctual()
	s.env = append(s.env, "NATS_URL=nats://"+s.broker())
	if got := bridge(t, s.env, append(s.past(), "--until", vendorAt.Add(-time.Hour).Format(time.RFC3339))...); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	got := s.verify("--feeds", "readings")
	_, advice := lastLines(t, got.err)
	fill := strings.Join(s.past(), " ")
	if got.code != hint.Failed || !strings.Contains(got.out, "it is not covered") || advice != "hint: bridge "+fill+" reads what is not covered; verify again then" {
		t.Fatalf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, s.env, strings.Fields(fill)...); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	if got := s.verify("--feeds", "readings"); got.code != hint.Done {
		t.Errorf("after the backfill: exit code %d\n%s%s", got.code, got.out, got.err)
	}
}
