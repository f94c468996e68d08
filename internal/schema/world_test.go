package schema

import (
	"context"
	"maps"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// variant is one way in which the vendor may serve the same rows.
type variant struct {
	name     string
	switches []string // keys and values of saveristest
	format   saveris.Format
	sync     saveris.SyncMode
}

var servings = []variant{
	{"as seen live", nil, saveris.JSON, saveris.SyncNever},
	{"CSV", nil, saveris.CSV, saveris.SyncNever},
	{"CSV without quotes", []string{"csv.quoting", "none", "csv.null", "quoted"}, saveris.CSV, saveris.SyncNever},
	{"CSV with blanks in times", []string{"csv.time", "blank"}, saveris.CSV, saveris.SyncNever},
	{"CSV of Athena", []string{"csv.time", "UTC", "column.case", "upper", "uuid.case", "padded"}, saveris.CSV, saveris.SyncNever},
	{"as Java writes", []string{"json.time", "minutes", "time.fraction", "nine", "json.channel_no", "float", "column.case", "camel"}, saveris.JSON, saveris.SyncNever},
	{"in capitals", []string{"uuid.case", "upper", "json.time", "UTC", "json.channel_no", "string"}, saveris.JSON, saveris.SyncNever},
	{"synchronous", []string{"sync", "object", "json.null", "null"}, saveris.JSON, saveris.SyncAlways},
	{"synchronous with old columns", []string{"sync", "array", "sync.columns", "v1"}, saveris.JSON, saveris.SyncAlways},
	{"names of the document", []string{"alarm.names", "document", "alarm.value", "number", "alarm.type_text", "measurement_alarm"}, saveris.JSON, saveris.SyncNever},
	{"other units", []string{"unit.text", "mixed"}, saveris.JSON, saveris.SyncNever},
	{"opaque texts", []string{"site.value", "text", "local.suffix", "offset", "rows.extra_column", "on", "rows.missing_column", "on"}, saveris.JSON, saveris.SyncNever},
	{"less known of alarms", []string{"alarm.source_event", "all", "alarm.source_uuid", "empty", "site.value", "null"}, saveris.JSON, saveris.SyncNever},
}

// TestSimulatedWorld reads a pretend vendor's day in every way in which he may serve it: each event keeps all promises,
// and the same row has the same id and the same content every time.
func TestSimulatedWorld(t *testing.T) {
	for feed, vendorFeed := range vendorFeeds {
		a := newAuditor(t, feed)
		var first map[string]uint32
		for i, v := range servings {
			if !variants.Take(i, 4) {
				continue
			}
			checks := a.world(t, v, vendorFeed)
			if first == nil {
				first = checks
			}
			if len(checks) < 30 || !maps.Equal(checks, first) {
				t.Errorf("%s, %s: %d events that are not the %d as seen live", feed, v.name, len(checks), len(first))
			}
		}
	}
}

// world reads a day as the variant says, audits every row and gives id and check of every event.
func (a *auditor) world(t *testing.T, v variant, feed saveris.Feed) map[string]uint32 {
	t.Helper()
	until := time.Date(2026, 7, 3, 0, 0, 0, 0, time.UTC)
	cfg := saveristest.Config{Now: func() time.Time { return until.Add(48 * time.Hour) }}
	cfg.World = saveristest.World{Seed: 7, Tenants: 2, Cycle: 8 * time.Hour, AlarmEvery: 2 * time.Hour, TaskEvery: 8 * time.Hour}
	for i := 0; i < len(v.switches); i += 2 {
		if err := cfg.Set(v.switches[i], v.switches[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Switches.QueryLatency = "zero"
	vendor, err := saveristest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer vendor.Close()
	client, err := saveris.New(saveris.Config{
		BaseURL: vendor.URL(), Username: "demo", Password: secret.New("demo"),
		Format: v.format, Sync: v.sync, FirstPoll: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	checks := map[string]uint32{}
	_, err = client.Rows(context.Background(), saveris.Query{Feed: feed, From: until.Add(-24 * time.Hour), Until: until}, func(row *saveris.Row) error {
		e := a.maker.Event(row, testWindow, testReadAt)
		if e.Rejected {
			t.Fatalf("%s: rejected: %s: %s", v.name, e.Reason(), row.Raw)
		}
		checks[e.ID] = e.Check
		return a.check(row)
	})
	if err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	return checks
}
