package bridgetest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

// truth is what a stream has to hold, by first id.
type truth struct {
	rows map[string]*row
	raw  map[string]bool // lines that are no rows, by id; true: has to be there
}

// row is one row of the world with all contents that it ever had, the newest one last.
type row struct {
	must     bool
	contents []contentKey
	due      []contentKey // among them, those that have to be stored
}

// contentKey is what two contents of a row differ in. A channel stands there only where it was not understood: a row of the
// world has none.
type contentKey struct{ value, at, state, channel string }

func (t truth) add(id string, must bool, c contentKey) {
	r := t.rows[id]
	if r == nil {
		r = &row{}
		t.rows[id] = r
	}
	r.must = r.must || must
	r.contents = append(r.contents, c)
}

// measurements lists what is true of the readings: all that the world shows or has served.
func measurements(vendor *saveristest.Server, due Due) truth {
	t := truth{rows: map[string]*row{}, raw: map[string]bool{}}
	for m := range vendor.Measurements(due.From.AddDate(0, 0, -1), due.AsOf.Add(24*time.Hour), due.AsOf.Add(24*time.Hour)) {
		t.add(m.UUID, due.covers(m.Timestamp, m.VisibleAt), readingKey(m))
	}
	served := vendor.Served()
	for id, contents := range served.Measurements {
		_, must := due.Served.Measurements[id]
		for _, m := range contents {
			t.add(m.UUID, must, readingKey(m))
		}
	}
	t.addRaw(served.Raw[saveristest.FeedMeasurements], due.Served.Raw[saveristest.FeedMeasurements])
	return t
}

func readingKey(m saveristest.Measurement) contentKey {
	return contentKey{value: m.Measurement, at: m.Timestamp.UTC().Format(time.RFC3339Nano)}
}

// alarms lists what is true of the alarms.
func alarms(vendor *saveristest.Server, due Due) truth {
	t := truth{rows: map[string]*row{}, raw: map[string]bool{}}
	for a := range vendor.Alarms(due.From.AddDate(0, 0, -1), due.AsOf.Add(24*time.Hour), due.AsOf.Add(24*time.Hour)) {
		t.add(alarmID(a), due.covers(a.AlarmTime, a.VisibleAt), alarmKey(a))
	}
	served := vendor.Served()
	for id, contents := range served.Alarms {
		_, must := due.Served.Alarms[id]
		for _, a := range contents {
			t.add(alarmID(a), must, alarmKey(a))
		}
	}
	t.addRaw(served.Raw[saveristest.FeedAlarms], due.Served.Raw[saveristest.FeedAlarms])
	return t
}

func alarmID(a saveristest.Alarm) string {
	return a.UUID + "." + strings.ToLower(a.AlarmStatus) + "." + a.LastStatusChangeTime.UTC().Format("20060102T150405Z")
}

func alarmKey(a saveristest.Alarm) contentKey {
	return contentKey{value: a.AlarmValue, at: a.AlarmTime.UTC().Format(time.RFC3339Nano), state: a.AlarmStatus}
}

func (t truth) addRaw(served, must []string) {
	for _, line := range served {
		t.raw[rawID(line)] = false
	}
	for _, line := range must {
		t.raw[rawID(line)] = true
	}
}

func rawID(line string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(line)))
	return hex.EncodeToString(sum[:16])
}

// compare holds what is stored against the truth, both ways.
func (t truth) compare(stored map[string][]event, report *AuditReport) {
	for id, events := range stored {
		switch {
		case events[0].kind == "saveris.row.rejected.v1":
			report.Rejected++
			if _, known := t.raw[id]; !known {
				report.wrong(&report.Unexpected, "unexpected: rejected row %s: %.80q", id, events[0].raw)
			}
		case t.rows[id] == nil:
			report.wrong(&report.Unexpected, "unexpected: %s of %s", id, events[0].atText)
		default:
			t.rows[id].compare(id, events, report)
		}
	}
	for id, r := range t.rows {
		if r.must && stored[id] == nil {
			report.wrong(&report.Missing, "missing: %s of %s", id, r.contents[0].at)
		}
	}
	for id, must := range t.raw {
		if must && stored[id] == nil {
			report.wrong(&report.Missing, "missing: rejected row %s", id)
		}
	}
}

// compare looks at all events of one row: each content once, and each a content that the row had.
func (r *row) compare(id string, events []event, report *AuditReport) {
	seen := map[contentKey]bool{}
	for _, e := range events {
		key := keyOf(e)
		if seen[key] {
			report.wrong(&report.Doubled, "doubled: content %v of %s", key, id)
		}
		seen[key] = true
		if !has(r.contents, key) {
			report.wrong(&report.Wrong, "wrong: %s has content %v, its row %v", id, key, r.contents)
		}
	}
	for _, key := range r.due {
		if !seen[key] {
			report.wrong(&report.Missing, "missing: content %v of %s", key, id)
		}
	}
}

func has(list []contentKey, key contentKey) bool {
	for _, k := range list {
		if k == key {
			return true
		}
	}
	return false
}

func keyOf(e event) contentKey {
	switch e.kind {
	case kindTask:
		return taskKeyOf(e)
	case "saveris.reading.v1":
		return contentKey{value: value(e.data), at: moment(e.data.Measured), channel: e.data.other("channelno")}
	}
	return contentKey{value: value(e.data), at: moment(e.data.Raised), state: text(e.data.Status)}
}

// value is the literal of an event's value; where that is null, what the vendor has sent instead, as NaN.
func value(c content) string {
	if c.Value != nil {
		return c.Value.String()
	}
	return c.other("measurement", "measurementvalue", "alarmvalue")
}

// other is what stands in other under one of the names, whatever its spelling; empty if nothing does.
func (c content) other(names ...string) string {
	for name, value := range c.Other {
		if slices.Contains(names, strings.ToLower(strings.NewReplacer("_", "", " ", "").Replace(name))) {
			return fmt.Sprint(value)
		}
	}
	return ""
}
