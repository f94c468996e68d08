package main

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/hint"
)

// past is the range of the backfills in these tests: all that the vendor has, with a midnight in it.
func (s *scene) past() []string {
	return []string{"backfill", "--from", s.start.Format(time.RFC3339), "--until", vendorAt.Format(time.RFC3339), "--feeds", "readings"}
}

func TestBackfillRefusesWrongFlags(t *testing.T) {
	t.Parallel()
	env := []string{"SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo"}
	for _, c := range []struct{ args, want string }{
		{"", "--from is missing"},
		{"--from yesterday", `--from is "yesterday"`},
		{"--from 1h --until soon", `--until is "soon"`},
		{"--from 1h --workers 0", "--workers is 0"},
		{"--from 1h --workers 99", "--workers is 99"},
		{"--from 1h --feeds wind", `--feeds is "wind"`},
	} {
		got := bridge(t, env, append([]string{"backfill"}, strings.Fields(c.args)...)...)
		cause, advice := lastLines(t, got.err)
		if got.code != hint.Settings || !strings.Contains(cause, c.want) || !strings.Contains(advice, "bridge backfill --help") {
			t.Errorf("%s: exit code %d\n%s", c.args, got.code, got.err)
		}
	}
}
