package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Alarm is one that was raised, or not ended, in the range. Texts are empty where there is none.
type Alarm struct {
	ID        string // of the event that raised it
	RaisedAt  time.Time
	EndedAt   *time.Time // nil while it is open
	Minutes   float64    // until it ended, or until the end of the range, or until now where that is yet to come
	Severity  string
	Kind      string
	Condition string
	Tenant    string
	Site      string
	Name      string // what people called its place when it was stored
	SiteName  string // likewise
	SerialNo  string
	Quantity  string
	Value     string // the literal
	Unit      string
}

// mostAlarms is how many alarms are named; all are counted.
const mostAlarms = 100_000

// readAlarms pairs all alarms that are stored until the end of the range, and reports those that lie in it.
func (a *auditor) readAlarms(ctx context.Context) error {
	if a.config.Alarms == nil {
		return nil
	}
	days, err := a.config.Alarms.Recorded(ctx)
	if err != nil {
		return err
	}
	slices.Sort(days)
	open := schema.NewOpenAlarms()
	open.OnForget = a.reportAlarm
	for _, name := range days {
		if name == checkpoint.RejectedDay || name > checkpoint.DayOf(a.config.Span.Until.Add(-1)) {
			continue
		}
		events, err := a.alarmsOf(ctx, name)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.RaisedAt.Before(a.config.Span.Until) {
				open.Take(e)
			}
		}
	}
	for _, p := range open.Periods() {
		a.reportAlarm(p)
	}
	slices.SortFunc(a.report.Alarms, func(x, y Alarm) int { return cmp.Or(x.RaisedAt.Compare(y.RaisedAt), cmp.Compare(x.ID, y.ID)) })
	return nil
}

// alarmsOf reads a day's alarms in the order of time.
func (a *auditor) alarmsOf(ctx context.Context, name string) (events []schema.AlarmEvent, err error) {
	stream := a.config.Alarms
	list, err := stream.Listing(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, fault := range list.Faults {
		a.report.Faults = append(a.report.Faults, fmt.Sprintf("alarms of %s: %s", name, fault))
	}
	for _, run := range list.Runs() {
		if run.From = max(run.From, list.Oldest); run.From >= run.Until {
			continue
		}
		err := stream.Events(ctx, run, func(m checkpoint.StoredEvent) error {
			if len(list.At(m.Seq)) == 0 {
				return nil
			}
			attributes, data, err := schema.Unwrap(m.Header, m.Data)
			if err != nil {
				return nil // Stream.Own has said so, or will
			}
			if e, ok := schema.ReadAlarm(attributes["id"], m.Seq, data); ok {
				events = append(events, e)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(events, func(x, y schema.AlarmEvent) int { return x.RaisedAt.Compare(y.RaisedAt) })
	return events, nil
}

// reportAlarm adds an alarm if any of it lies in the range.
func (a *auditor) reportAlarm(p schema.AlarmPeriod) {
	span := a.config.Span
	if !p.EndedAt.IsZero() {
		p.EndedAt = later(p.EndedAt, p.RaisedAt) // by another clock, which has been seen minutes apart
	}
	if !p.EndedAt.IsZero() && p.EndedAt.Before(span.From) {
		return
	}
	r := a.report
	if r.AlarmCount++; len(r.Alarms) == mostAlarms {
		return
	}
	alarm := Alarm{
		ID: p.ID, RaisedAt: p.RaisedAt, Severity: p.Severity, Kind: p.Kind, Condition: p.Condition, Tenant: p.Tenant, Site: p.Site,
		Name: p.Name, SiteName: p.SiteName, SerialNo: p.Serial, Quantity: p.Quantity, Value: p.Value, Unit: p.Unit,
	}
	until := span.Until
	if now := later(a.config.Now, p.RaisedAt); now.Before(until) {
		until = now
	}
	if !p.EndedAt.IsZero() {
		until = p.EndedAt
		alarm.EndedAt = &until
	}
	alarm.Minutes = until.Sub(p.RaisedAt).Minutes()
	r.Alarms = append(r.Alarms, alarm)
}
