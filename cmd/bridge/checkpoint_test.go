package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

// gaps returns what is not covered of the readings.
func (s *scene) gaps(ctx context.Context, from, until time.Time) []checkpoint.Span {
	book := checkpoint.NewBook(checkpoint.NewStream(s.js, streamOfReadings, "saveris", "readings"))
	records, err := book.Records(ctx, checkpoint.Span{From: from, Until: until}.Days())
	if err != nil {
		s.Fatal(err)
	}
	var covered []checkpoint.Interval
	for _, r := range records {
		covered = append(covered, r.Covered...)
	}
	return checkpoint.Gaps(covered, from, until)
}

// resetArgs is the command that resets a range of the readings.
func resetArgs(from, until time.Time, more ...string) []string {
	return append([]string{"checkpoint", "reset", "--feed", "readings", "--from", from.Format(time.RFC3339), "--until", until.Format(time.RFC3339)}, more...)
}

func TestAResetRangeIsReadAgainByABackfillAndNothingIsDoubled(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	if got := bridge(t, env, "checkpoint", "show"); got.code != hint.NATS {
		t.Errorf("show of nothing: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, env, s.past()...); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	from, until := vendorAt.Add(-50*time.Minute), vendorAt.Add(-10*time.Minute) // over midnight
	before, asked := s.messages(t.Context()), s.vendor.Count("submit")
	got := bridge(t, env, resetArgs(from, until)...)
	cause, advice := lastLines(t, got.err)
	fill := "bridge backfill --from " + from.Format(time.RFC3339) + " --until " + until.Format(time.RFC3339) + " --feeds readings"
	if got.code != hint.Settings || !strings.Contains(cause, "--yes is missing") || !strings.Contains(advice, "--yes") ||
		!strings.Contains(got.out, "would be uncovered: 40m of readings") || !strings.Contains(got.out, fill) || s.messages(t.Context()) != before {
		t.Errorf("without --yes: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	got = bridge(t, env, resetArgs(from, until, "--yes")...)
	if got.code != hint.Done || !strings.Contains(got.out, "uncovered: 40m of readings") || !strings.Contains(got.out, fill) {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if gaps := s.gaps(t.Context(), s.start, vendorAt); len(gaps) != 1 || !gaps[0].From.Equal(from) || !gaps[0].Until.Equal(until) {
		t.Errorf("gaps %v", gaps)
	}
	kv, err := s.js.KeyValue(t.Context(), "saveris-checkpoints")
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := kv.Get(t.Context(), "readings.2026-11-24"); err != nil || !strings.Contains(string(shown.Value()), until.Format(time.RFC3339)) {
		t.Errorf("the bucket does not show it: %v, %v", shown, err)
	}
	if got := bridge(t, env, resetArgs(from, until, "--yes")...); got.code != hint.Done || !strings.HasPrefix(got.out, "nothing of readings") {
		t.Errorf("once more: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	got = bridge(t, env, "checkpoint", "show", "--feeds", "readings")
	if got.code != hint.Done || !strings.Contains(got.out, "readings, of account "+accountOf(env)) || !strings.Contains(got.out, "2026-11-23  22:20-23:30 ") ||
		!strings.Contains(got.out, "2026-11-24  00:10-00:20 ") {
		t.Errorf("show: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, env, strings.Fields(fill)[1:]...); got.code != hint.Done || s.vendor.Count("submit") == asked {
		t.Errorf("exit code %d, %d exports\n%s%s", got.code, s.vendor.Count("submit")-asked, got.out, got.err)
	}
	if !s.covered(t.Context()) {
		t.Error("it is not covered again")
	}
	s.audit()
	got = bridge(t, env, "checkpoint", "show", "--json")
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	if got.code != hint.Done || len(lines) < 3 {
		t.Errorf("show --json: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	for _, line := range lines {
		if r, err := checkpoint.ParseRecord([]byte(line)); err != nil || r.Account != accountOf(env) {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestAResetRangeIsReadAgainByABridgeThatRuns(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	older := s.start.Add(-3 * time.Hour)
	if got := bridge(t, env, "backfill", "--from", older.Format(time.RFC3339), "--until", s.start.Format(time.RFC3339), "--feeds", "readings"); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	run := s.startCommand(env, "run")
	s.await("full coverage", s.covered)
	from, until := s.start.Add(-10*time.Minute), s.start.Add(10*time.Minute)
	got := bridge(t, env, resetArgs(from, until, "--yes")...)
	begin := s.start.Format(time.RFC3339)
	if got.code != hint.Done || !strings.Contains(got.out, "bridge run reads what is not before "+begin+" by itself") ||
		!strings.Contains(got.out, "bridge backfill --from "+from.Format(time.RFC3339)+" --until "+begin+" --feeds readings") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	s.await("coverage once more", s.covered)
	if gaps := s.gaps(t.Context(), older, vendorAt); len(gaps) != 1 || !gaps[0].From.Equal(from) || !gaps[0].Until.Equal(s.start) {
		t.Errorf("gaps %v, want what bridge run does not read", gaps)
	}
	got = bridge(t, env, "checkpoint", "show")
	if got.code != hint.Done || !strings.Contains(got.out, "gaps since 2026-11-23 22:20:00 are read by bridge run") {
		t.Errorf("show: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if code := stop(t, run); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
	s.audit()
}

func TestAdoptTakesOverWhatNoRowCanProve(t *testing.T) {
	t.Parallel()
	c := newCustomers(t, saveristest.World{Empty: true})
	run := c.startCommand(c.ada, "run")
	c.await("full coverage", c.covered)
	got := bridge(t, c.key, "checkpoint", "adopt", "--yes")
	if _, advice := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(advice, "stop that bridge first") {
		t.Errorf("while another polls: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if code := stop(t, run); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
	if told := c.refused(c.key, "run"); !strings.Contains(told, "there are no rows to compare") {
		t.Errorf("it says\n%s", told)
	}
	before := c.stored("saveris")
	got = bridge(t, c.key, "checkpoint", "adopt")
	if cause, _ := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(cause, "--yes is missing") || !strings.Contains(got.out, "will count as read by account "+accountOf(c.key)) ||
		c.stored("saveris") != before {
		t.Errorf("without --yes: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, append(c.env, "SAVERIS_API_KEY=mistyped"), "checkpoint", "adopt", "--yes"); got.code != hint.Vendor || c.stored("saveris") != before {
		t.Errorf("a wrong key: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, c.key, "checkpoint", "adopt", "--yes"); got.code != hint.Done || !strings.Contains(got.out, "done: all of it is of account "+accountOf(c.key)) {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, c.key, "checkpoint", "adopt"); got.code != hint.Done || !strings.Contains(got.out, "readings: of this login's account already") {
		t.Errorf("once more: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	c.refused(c.ada, resetArgs(c.start, vendorAt, "--yes")...)
	records := accountsIn(t, c.js)[accountOf(c.key)]
	run = c.startCommand(c.key, "run")
	c.await("more records", func(context.Context) bool { return accountsIn(t, c.js)[accountOf(c.key)] > records })
	if code := stop(t, run); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
}

func TestAnotherAccountCannotAdoptOrReset(t *testing.T) {
	t.Parallel()
	c := newCustomers(t, saveristest.World{Cycle: time.Minute})
	if got := bridge(t, c.ada, c.past()...); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	c.refused(c.bob, "checkpoint", "adopt", "--yes")
	c.refused(c.bob, resetArgs(c.start, vendorAt, "--yes")...)
	got := bridge(t, c.key, "checkpoint", "adopt", "--yes") // another login of the same account, which is proven
	if got.code != hint.Done || !strings.Contains(got.out, "is the same: bridge run would go on by itself") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	c.refused(c.ada, resetArgs(c.start, vendorAt, "--yes")...) // the other login has stored no row by which it could be known
	if got := bridge(t, c.ada, "checkpoint", "adopt", "--yes"); got.code != hint.Done {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, c.ada, resetArgs(c.start, vendorAt, "--yes")...); got.code != hint.Done {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	c.audit()
}

func TestCheckpointRefusesWrongUsage(t *testing.T) {
	t.Parallel()
	env := []string{"SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo", "BRIDGE_FEEDS=devices"}
	for args, want := range map[string]string{
		"":                      "no command given",
		"forget":                `unknown command "forget"`,
		"show now":              "takes no argument",
		"show --feeds wind":     `--feeds is "wind"`,
		"reset":                 `--feeds is ""`,
		"reset --feeds wind":    `--feeds is "wind"`,
		"reset --feed readings": `--from is ""`,
		"reset --feed readings,alarms --from 2h --until 1h": `--feeds is "readings,alarms"`,
		"reset --feed readings --from 2h":                   `--until is ""`,
		"reset --feed readings --from 2h --until soon":      `--until is "soon"`,
		"reset --feed readings --from 1h --until 2h":        "a range that is not empty",
		"adopt it": "takes no argument",
		"show":     "--feeds is missing: BRIDGE_FEEDS is devices, which has no rows",
	} {
		got := bridge(t, env, append([]string{"checkpoint"}, strings.Fields(args)...)...)
		cause, advice := lastLines(t, got.err)
		if got.code != hint.Settings || !strings.Contains(cause, want) || !strings.Contains(advice, "bridge checkpoint ") {
			t.Errorf("%q: exit code %d\n%s%s", args, got.code, got.out, got.err)
		}
	}
}
