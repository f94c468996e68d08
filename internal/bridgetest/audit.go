package bridgetest

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/saveris/saveristest"
)

// AuditReport counts what is wrong with a stream. Stored is how many events it holds, all the rest has to be zero.
type AuditReport struct {
	Stored      int
	Rejected    int // among Stored
	Corrections int // among Stored

	Due        int // of AuditSilence: silences that had to be there
	Missing    int // rows that had to be there
	Doubled    int // events whose id is there already, or contents that are
	Unexpected int // events that no row accounts for
	Wrong      int // events whose content no row ever had
	Disordered int // events of a sensor that stand before an earlier one of the same batch
	BadPages   int // index messages and records that do not say what is stored

	Examples []string // of what is wrong, a few
}

// Clean reports whether nothing is wrong.
func (r *AuditReport) Clean() bool {
	return r.Missing+r.Doubled+r.Unexpected+r.Wrong+r.Disordered+r.BadPages == 0
}

// String is one line, and one for each example.
func (r *AuditReport) String() string {
	text := fmt.Sprintf("stored %d (rejected %d, corrections %d): missing %d, doubled %d, unexpected %d, wrong %d, disordered %d, bad pages %d",
		r.Stored, r.Rejected, r.Corrections, r.Missing, r.Doubled, r.Unexpected, r.Wrong, r.Disordered, r.BadPages)
	for _, e := range r.Examples {
		text += "\n  " + e
	}
	return text
}

const maxExamples = 12

func (r *AuditReport) wrong(column *int, format string, args ...any) {
	*column++
	if len(r.Examples) < maxExamples {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// Due says which rows of the world have to be stored: those with an event time in [From, Until) that could be seen at
// AsOf and were not later than Late, or could be seen before Seen. All that is in Served has to be stored as well: it has to be
// taken early enough for a reader to have stored what it was given.
type Due struct {
	From, Until, AsOf time.Time
	Late              time.Duration // 0 = however late
	Seen              time.Time     // what could be seen before it counts however late it was, as after an outage
	Served            saveristest.Served
}

func (d Due) covers(at, visible time.Time) bool {
	return !at.Before(d.From) && at.Before(d.Until) && !visible.After(d.AsOf) && (d.Late == 0 || visible.Sub(at) <= d.Late || visible.Before(d.Seen))
}

// Audits are the audits of streams by feed.
var Audits = map[string]func(context.Context, jetstream.JetStream, string, *saveristest.Server, Due) (*AuditReport, error){
	"readings": AuditReadings, "alarms": AuditAlarms, "tasks": AuditTasks,
}

// AuditReadings audits a stream of readings.
func AuditReadings(ctx context.Context, js jetstream.JetStream, stream string, vendor *saveristest.Server, due Due) (*AuditReport, error) {
	return audit(ctx, js, stream, measurements(vendor, due))
}

// AuditAlarms audits a stream of alarms.
func AuditAlarms(ctx context.Context, js jetstream.JetStream, stream string, vendor *saveristest.Server, due Due) (*AuditReport, error) {
	return audit(ctx, js, stream, alarms(vendor, due))
}

func audit(ctx context.Context, js jetstream.JetStream, stream string, truth truth) (*AuditReport, error) {
	all, err := read(ctx, js, stream)
	if err != nil {
		return nil, err
	}
	report := &AuditReport{}
	stored := storedOnce(all, report)
	checkOrder(all, report)
	checkPages(all, report)
	truth.compare(stored, report)
	return report, nil
}

// storedOnce returns the events by their first id, and counts those that are there twice.
func storedOnce(all []message, report *AuditReport) map[string][]event {
	seen := map[string]bool{}
	stored := map[string][]event{}
	for _, m := range all {
		if m.kind != "event" {
			continue
		}
		report.Stored++
		if seen[m.event.id] {
			report.wrong(&report.Doubled, "doubled: %s at sequence %d", m.event.id, m.seq)
		}
		seen[m.event.id] = true
		first := m.event.id
		if m.event.revises != "" {
			first = m.event.revises
			report.Corrections++
		}
		stored[first] = append(stored[first], m.event)
	}
	return stored
}

// checkOrder looks at every batch: the events before an index, as many as it lists.
func checkOrder(all []message, report *AuditReport) {
	latest := map[string]time.Time{}
	for _, m := range all {
		if m.kind != "event" {
			clear(latest)
			continue
		}
		if m.event.at.Before(latest[m.event.sensor]) {
			report.wrong(&report.Disordered, "disordered: %s of %s at sequence %d", m.event.id, m.event.atText, m.seq)
		}
		latest[m.event.sensor] = m.event.at
	}
}
