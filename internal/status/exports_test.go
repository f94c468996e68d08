package status_test

import (
	"testing"
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/status"
)

func TestALateExportIsShownUntilItIsThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	requests, err := publish.OpenRequests(t.Context(), s.js, s.config)
	if err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		t.Helper()
		_, revision, err := requests.Load(t.Context())
		if err == nil {
			_, err = requests.Store(t.Context(), text, revision)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	say(`{"processes":{
		"fill":{"beat":1,"late":[{"feed":"alarms","from":"2026-11-20T00:00:00Z","until":"2026-11-21T00:00:00Z","asked_at":"2026-11-28T01:00:00Z","background":true}]},
		"run":{"beat":9,"late":[{"feed":"alarms","from":"2026-11-28T00:55:00Z","until":"2026-11-28T01:12:30Z","asked_at":"2026-11-28T01:12:30Z","background":false}]}}}`)
	b := s.board()
	late := func(i int) *status.Export { return b.Status().Feeds[i].Export }
	if x := late(1); x == nil || x.Background || !x.AskedAt.Equal(time.Date(2026, 11, 28, 1, 12, 30, 0, time.UTC)) || !x.From.Equal(time.Date(2026, 11, 28, 0, 55, 0, 0, time.UTC)) {
		t.Errorf("alarms wait for %+v, want the poll's export", x)
	}
	if x := late(0); x != nil {
		t.Errorf("readings wait for %+v", x)
	}
	say(`{"processes":{"run":{"beat":10}}}`)
	s.await(b, "the export", func() bool { return late(1) == nil })
}
