package bridgetest

import (
	"slices"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris/saveristest"
)

// Vendor starts a pretend vendor that prepares exports at once and lets ada in with hunter2, and ends it with the test.
func Vendor(t *testing.T, change func(*saveristest.Config)) *saveristest.Server {
	t.Helper()
	config := saveristest.Config{Username: "ada", Password: "hunter2"}
	config.Switches.QueryLatency = "zero"
	if change != nil {
		change(&config)
	}
	s, err := saveristest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// WantLines wants a line for each of want, which begins with its first word and holds all others.
func WantLines(t *testing.T, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		words := strings.Fields(w)
		found := false
		for line := range strings.Lines(out) {
			missing := slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
			found = found || strings.HasPrefix(line, words[0]+" ") && !missing
		}
		if !found {
			t.Errorf("no line %q in:\n%s", w, out)
		}
	}
}
