package bridgetest_test

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// inspector looks at a world in which something changes every minute, and stores nothing by itself.
type inspector struct {
	court
	clock  atomic.Int64
	inv    *fleet.Inventory
	walker *fleet.Walker
	store  *publish.Changes
}

func newInspector(t *testing.T) *inspector {
	i := &inspector{court: court{T: t, js: newCourt(t).js}, inv: fleet.NewInventory()}
	i.clock.Store(noon.Unix())
	vendor, err := saveristest.Start(saveristest.Config{
		World:    saveristest.World{Sites: 2, Cycle: time.Second, Start: noon.Add(-time.Hour), ChangeEvery: time.Minute},
		Switches: saveristest.Switches{QueryLatency: "zero", MOConfig: "flat"},
		Now:      func() time.Time { return time.Unix(i.clock.Load(), 0) },
	})
	i.check(err)
	t.Cleanup(func() { vendor.Close() })
	client, err := saveris.New(saveris.Config{BaseURL: vendor.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond})
	i.check(err)
	i.vendor, i.walker, i.store = vendor, fleet.NewWalker(client, i.inv), publish.NewChanges(i.js, seed.Broker)
	return i
}

// look returns what a look finds so many seconds later. It counts as stored.
func (i *inspector) look(seconds int64) (changes []schema.FleetChange) {
	i.Helper()
	i.clock.Add(seconds)
	i.check(i.walker.Look(i.Context(), func(seen fleet.Look) error {
		for _, c := range i.inv.Compare(seen) {
			changes = append(changes, c.Event())
			i.inv.Stored(c, 0)
		}
		return nil
	}))
	return changes
}

// keep stores changes one after the other, each behind what is stored of its thing.
func (i *inspector) keep(changes ...schema.FleetChange) {
	i.Helper()
	for _, c := range changes {
		s, err := i.js.Stream(i.Context(), "SAVERIS_DEVICES")
		i.check(err)
		c.Before = 0
		if m, err := s.GetLastMsgForSubject(i.Context(), c.Subject("saveris")); err == nil {
			c.Before = m.Sequence
		}
		i.check(i.store.Store(i.Context(), []schema.FleetChange{c}, func(int, uint64) {}))
	}
}

func TestTheJudgeOfTheFleetSeesEveryFault(t *testing.T) {
	device := func(list []schema.FleetChange) schema.FleetChange {
		for _, c := range list {
			if c.Kind == schema.KindDevice && !c.Removed {
				return c
			}
		}
		panic("no device has changed")
	}
	for name, fault := range map[string]struct {
		keep   func(i *inspector, first, second []schema.FleetChange)
		column func(r *bridgetest.AuditReport) int
	}{
		"nothing": {func(i *inspector, first, second []schema.FleetChange) { i.keep(first...); i.keep(second...) }, nil},
		"a document twice": {func(i *inspector, first, second []schema.FleetChange) {
			i.keep(first...)
			i.keep(second...)
			i.keep(device(second))
		}, func(r *bridgetest.AuditReport) int { return r.Doubled }},
		"a change is not stored": {func(i *inspector, first, second []schema.FleetChange) { i.keep(first...) }, func(r *bridgetest.AuditReport) int { return r.Missing }},
		"a thing is not stored": {func(i *inspector, first, second []schema.FleetChange) { i.keep(first[1:]...); i.keep(second...) },
			func(r *bridgetest.AuditReport) int { return r.Missing }},
		"in another order": {func(i *inspector, first, second []schema.FleetChange) { i.keep(second...); i.keep(first...) },
			func(r *bridgetest.AuditReport) int { return r.Disordered }},
		"a document that never was": {func(i *inspector, first, second []schema.FleetChange) {
			i.keep(first...)
			i.keep(second...)
			c := device(second)
			c.Document = bytes.Replace(c.Document, []byte("Logger"), []byte("Lodger"), 1)
			i.keep(c)
		}, func(r *bridgetest.AuditReport) int { return r.Wrong }},
		"removed, though it is there": {func(i *inspector, first, second []schema.FleetChange) {
			i.keep(first...)
			i.keep(second...)
			c := device(second)
			c.Removed = true
			i.keep(c)
		}, func(r *bridgetest.AuditReport) int { return r.Wrong }},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInspector(t)
			began := time.Unix(i.clock.Load(), 0)
			first, second := i.look(60), i.look(60)
			fault.keep(i, first, append(second, i.look(0)...)) // what two looks have not seen is gone
			now := time.Unix(i.clock.Load(), 0)
			r, err := bridgetest.AuditFleet(t.Context(), i.js, "SAVERIS_DEVICES", i.vendor, bridgetest.Quiet{Began: began, Since: now, Stopped: now})
			if err != nil || r.Stored < 20 || r.Clean() != (fault.column == nil) || fault.column != nil && fault.column(r) == 0 {
				t.Errorf("found %.2000s (%v)", r, err)
			}
		})
	}
}

// TestTheAuditSeesWhatAViewShowsWrongly holds the buckets against streams of two readings, an alarm that is open, and a thing.
func TestTheAuditSeesWhatAViewShowsWrongly(t *testing.T) {
	type audit = func(c *court) ([]string, error)
	latest := func(c *court) ([]string, error) { return bridgetest.AuditLatest(c.Context(), c.js) }
	open := func(c *court) ([]string, error) { return bridgetest.AuditOpenAlarms(c.Context(), c.js) }
	inventory := func(c *court) ([]string, error) { return bridgetest.AuditInventory(c.Context(), c.js) }
	key := map[string]string{"saveris-latest": "_._._._", "saveris-open-alarms": "a_alarm_20261123T120000Z", "saveris-inventory": "device.7"}
	good := map[string]string{"saveris-latest": `{"id":"row-1"}`, "saveris-open-alarms": `{"id":"a.alarm.20261123T120000Z"}`, "saveris-inventory": `{"device_uuid":"d"}`}
	for name, x := range map[string]struct {
		audit         audit
		bucket, value string // shown in the place of what is right; empty = nothing
		extra         string // key that is shown besides
		wrong         bool
	}{
		"newest":                    {latest, "saveris-latest", good["saveris-latest"], "", false},
		"an older reading":          {latest, "saveris-latest", `{"id":"row-0"}`, "", true},
		"no reading":                {latest, "saveris-latest", "", "", true},
		"a reading of nobody's":     {latest, "saveris-latest", good["saveris-latest"], "_._._.9", true},
		"an open alarm":             {open, "saveris-open-alarms", good["saveris-open-alarms"], "", false},
		"an open alarm, not shown":  {open, "saveris-open-alarms", "", "", true},
		"an alarm that has ended":   {open, "saveris-open-alarms", good["saveris-open-alarms"], "b_alarm_20261123T120001Z", true},
		"a thing":                   {inventory, "saveris-inventory", good["saveris-inventory"], "", false},
		"another document":          {inventory, "saveris-inventory", `{"device_uuid":"e"}`, "", true},
		"a thing that was removed":  {inventory, "saveris-inventory", good["saveris-inventory"], "device.8", true},
		"a thing that is not shown": {inventory, "saveris-inventory", "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCourt(t)
			c.store(events(1, 2)...)
			c.store(events(0, 1)...) // late
			alarms := publish.NewWriter(c.js, seed.Broker, publish.Options{Feed: schema.Alarms, Name: "test", LiveAge: time.Hour, Now: func() time.Time { return noon }})
			_, err := alarms.Commit(t.Context(), day, []schema.Event{
				alarm("a", "Alarm", "", noon), alarm("b", "Alarm", "", noon.Add(time.Second)), alarm("c", "Ok", "b", noon.Add(2*time.Second)),
			}, nil)
			c.check(err)
			things := publish.NewChanges(c.js, seed.Broker)
			c.check(things.Store(t.Context(), []schema.FleetChange{
				{Kind: schema.KindDevice, Tenant: "t", Key: "7", Document: []byte(`{"device_uuid":"d"}`), LookedAt: noon},
				{Kind: schema.KindDevice, Tenant: "t", Key: "8", Document: []byte(`{"device_uuid":"e"}`), LookedAt: noon, Removed: true},
			}, func(int, uint64) {}))
			_, err = c.js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: x.bucket})
			c.check(err)
			shown := map[string]string{key[x.bucket]: x.value, x.extra: good[x.bucket]}
			for key, value := range shown {
				if key != "" && value != "" {
					_, err := c.js.PublishMsg(t.Context(), &nats.Msg{Subject: "$KV." + x.bucket + "." + key, Data: []byte(value)})
					c.check(err)
				}
			}
			list, err := x.audit(c)
			c.check(err)
			if (len(list) > 0) != x.wrong {
				t.Errorf("found %q", list)
			}
		})
	}
}

func alarm(id, status, ends string, at time.Time) schema.Event {
	field := func(name, value string) saveris.Field {
		return saveris.Field{Name: name, Kind: saveris.String, Text: []byte(value)}
	}
	row := saveris.Row{Fields: []saveris.Field{
		field("uuid", id), field("alarm_status", status), field("alarm_time", at.Format(time.RFC3339)), field("last_status_change_time", at.Format(time.RFC3339)),
		field("source_alarm_event_uuid", ends),
	}}
	return schema.NewMaker(schema.Alarms, "saveris", "http://vendor").Event(&row, schema.Window{}, noon)
}
