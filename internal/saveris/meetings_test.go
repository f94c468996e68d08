package saveris

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/saveris/saveristest"
)

// meetings are the switches that meet in one code path.
var meetings = map[string][]string{
	"words": {"status.case", "post.status", "poll.waiting_word", "pending.data_urls", "query.failure", "query.failure_text", "completed.links", "metadata_url",
		"x_file_content", "error.gzip", "post.504"},
	"login": {"token.key", "token.expires_in", "auth.expired", "request.unknown", "error.gzip", "throttle"},
	"links": {"url.death", "poll.fresh_urls", "request.unknown", "file.appears", "completed.links", "url.rejects_auth_header", "query.failure"},
	"files": {"file.gzip", "gzip.tail", "json.layout", "json.null", "csv.quoting", "csv.null", "csv.time", "file.last_newline", "empty.result", "file.count", "file.order",
		"file.duplicates", "value.broken_probe", "rows.extra_column", "rows.missing_column", "column.case"},
	"range": {"range.ends", "range.column", "rows.late", "rows.retransmit", "rows.changed_content", "alarm.rows", "sync"},
	"paths": {"path.unknown", "retired", "retired.answer", "sync", "sync.columns", "redirect", "deprecation", "sunset", "date.header", "error.gzip"},
}

// noPair are values that nothing can be read under, whatever else is set: TestEverySwitchIsMetAndSurvived has them.
func noPair(setting string) bool {
	return unreadable[setting] || refusing[setting] || retiring[setting]
}

// troubles are the faults that make the switches of a meeting matter, each once on its operation.
var troubles = map[string][]saveristest.Fault{
	"words": {{Kind: saveristest.FaultQueryError, On: "submit"}, {Kind: saveristest.FaultInternal, On: "poll"}},
	"login": {{Kind: saveristest.FaultExpiredToken, On: "submit"}, {Kind: saveristest.FaultForgotten, On: "poll"}, {Kind: saveristest.FaultThrottled, On: "token"}},
	"links": {{Kind: saveristest.FaultExpiredLink, On: "download"}, {Kind: saveristest.FaultForgotten, On: "poll", After: 1}},
	"files": {{Kind: saveristest.FaultTruncate, On: "download"}, {Kind: saveristest.FaultCut, On: "download", After: 1}},
}

// TestSwitchesThatMeetAreSurvivedInPairs has every two values of every two switches of a meeting together once.
func TestSwitchesThatMeetAreSurvivedInPairs(t *testing.T) {
	t.Parallel()
	for name, switches := range meetings {
		for i, list := range saveristest.Pairs(noPair, switches...) {
			if !variants.Take(i, 4) {
				continue
			}
			t.Run(name+"/"+strings.Join(list, ","), func(t *testing.T) {
				t.Parallel()
				latency := map[bool]string{true: "query.latency=20ms", false: "query.latency=zero"}[name == "words"]
				tr := newTrial(t, append([]string{latency, "throttle.rate=20", "world.retransmit_share=0.1", "world.late_share=0.1"}, list...)...)
				for _, fault := range troubles[name] {
					tr.srv.Inject(fault)
				}
				for _, format := range []Format{JSON, CSV} {
					tr.pair(name, list, format)
				}
				neverSent(t, tr.srv.Traffic())
			})
		}
	}
}

// pair reads both feeds and a window without rows.
func (t *trial) pair(name string, list []string, format Format) {
	t.Helper()
	c := t.client(format, false)
	if name == "links" {
		c.files = &expiring{c.files, t.srv, sync.Once{}}
	}
	measurements, alarms := t.read(c, Measurements, from, until), t.read(c, Alarms, from, until)
	if !slices.Contains(list, "range.column=processed_at") {
		expectTruth(t.T, t.srv, measurements, alarms)
	}
	expect(t.T, t.srv, measurements, alarms)
	rows, err := read(t.ctx, c, Query{Feed: Measurements, From: from.AddDate(-10, 0, 0), Until: until.AddDate(-10, 0, 0)})
	if err != nil || len(rows) > 0 {
		t.Errorf("%d rows before the world began, %v", len(rows), err)
	}
}

// TestLoginsInPairs: each kind of login is let in or refused as the deployment says, whatever an unknown request is answered.
func TestLoginsInPairs(t *testing.T) {
	t.Parallel()
	for _, list := range saveristest.Pairs(nil, "auth.accept", "request.unknown", "auth.expired", "auth.no_licence", "path.unknown", "error.gzip") {
		for _, keyed := range []bool{true, false} {
			t.Run(map[bool]string{true: "key/", false: "password/"}[keyed]+strings.Join(list, ","), func(t *testing.T) {
				t.Parallel()
				tr := newTrial(t, list...)
				c := tr.client(JSON, keyed)
				known := slices.Contains(list, "auth.accept=both") || slices.Contains(list, "auth.accept="+map[bool]string{true: "key", false: "token"}[keyed])
				login := c.Login(tr.ctx)
				rows, err := read(tr.ctx, c, Query{Feed: Measurements, From: from, Until: until})
				switch {
				case !known:
					if err == nil || !errors.Is(err, ErrRefused) && !errors.Is(err, ErrAddress) {
						t.Errorf("an unknown login: %v", err)
					}
				case slices.Contains(list, "auth.no_licence=off"):
					if login != nil || err != nil || len(rows) < 100 {
						t.Errorf("login: %v; %d rows, %v", login, len(rows), err)
					}
				case !errors.Is(err, ErrRefused):
					t.Errorf("without a licence: %v", err)
				}
				neverSent(t, tr.srv.Traffic())
			})
		}
	}
}
