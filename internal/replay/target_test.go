package replay_test

import (
	"slices"
	"strings"
	"testing"

	"saveris-bridge/internal/replay"
	"saveris-bridge/internal/schema"
)

func TestATargetIsASubjectOrAPrefix(t *testing.T) {
	t.Parallel()
	const stored = "saveris.readings.live.t.s.1.1.air_temperature"
	for text, want := range map[string]string{
		"replay":           "replay",
		"replay.all":       "replay.all",
		"replay.>":         "replay.readings.live.t.s.1.1.air_temperature",
		"a.b.>":            "a.b.readings.live.t.s.1.1.air_temperature",
		"saveris.replay.>": "saveris.replay.readings.live.t.s.1.1.air_temperature",
	} {
		target, err := replay.ParseTarget(text)
		if err != nil || target.Subject(stored) != want {
			t.Errorf("%q: %q (%v), want %q", text, target.Subject(stored), err, want)
		}
	}
	for _, text := range []string{
		"", ".", ">", ".>", "a.", ".a", "a..b", "a b", "a\tb", "a.*", "*.>", "a.>.b", "a>", "a.b*", "a.>.>", "$KV.x", "$JS.>", "_INBOX.x", strings.Repeat("a", 256),
	} {
		if _, err := replay.ParseTarget(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestPatternsHoldAllSubjectsOfAReplay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"all": {"all"},
		"r.>": {"r.readings.live.>", "r.readings.history.>", "r.alarms.live.>", "r.alarms.history.>"},
	} {
		target, err := replay.ParseTarget(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.Patterns([]schema.Feed{schema.Readings, schema.Alarms}); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
