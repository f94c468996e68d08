package service

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/web"
)

// TestThePageHasTheReportForAuditors of what is stored, unless that is more than should be read beside live polling.
func TestThePageHasTheReportForAuditors(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	settings, err := config.Load(t.Context(), bridgetest.Env(s.env...))
	if err != nil {
		t.Fatal(err)
	}
	source := pipeline.AuditSource(s.jetStream(), settings.Pipeline, "test")
	if _, err := audits(source, usualAudit)(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "no readings are stored") {
		t.Errorf("without a stream: %v", err)
	}
	r := s.start("bridge")
	for name, few := range map[string]auditLimits{"in all": {all: 1, day: 1000}, "on a day": {all: 1000, day: 1}} {
		s.await("more than one reading "+name, func() bool {
			_, err := audits(source, few)(t.Context(), 1)
			return errors.Is(err, web.ErrTooLarge) && strings.Contains(err.Error(), "bridge audit --from 1d --html audit.html")
		})
	}
	answer, err := http.Get(r.page + "/audit?days=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if text := string(body); err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(text, "Check again") || !strings.Contains(text, `<section class="channel">`) {
		t.Errorf("%s, %v\n%s", answer.Status, err, text)
	}
}
