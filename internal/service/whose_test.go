package service

import (
	"strings"
	"testing"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
)

func TestThePageSaysWhoseDataItShows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want string
		env  []string
	}{
		{"an…@example.com · EU", []string{"SAVERIS_USERNAME", "anna.smith@example.com", "SAVERIS_PASSWORD", "topsecret"}},
		{"ju… · EU integration", []string{"SAVERIS_USERNAME", "junction", "SAVERIS_PASSWORD", "topsecret", "SAVERIS_ENV", "i"}},
		{"Smart Connect · AM", []string{"SAVERIS_USERNAME", "", "SAVERIS_PASSWORD", "", "SAVERIS_API_KEY", "topsecret", "SAVERIS_REGION", "am"}},
		{"a…@b · proxy.example.com:8443", []string{"SAVERIS_USERNAME", "a@b", "SAVERIS_PASSWORD", "topsecret", "SAVERIS_URL", "https://proxy.example.com:8443/saveris/"}},
	} {
		s, err := config.Load(t.Context(), bridgetest.Env(c.env...))
		if err != nil {
			t.Fatal(err)
		}
		got := whose(s.Vendor)
		if got != c.want || strings.Contains(got, "topsecret") {
			t.Errorf("%v is told as %q, want %q", c.env, got, c.want)
		}
	}
	if got := whose(config.Vendor{Demo: true}); got != "demo" {
		t.Errorf("the demo says %q", got)
	}
}
