package bridgetest_test

import (
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// silentLogger is a world with one channel, which is cut off now and then.
func silentLogger(t *testing.T) *saveristest.Server {
	t.Helper()
	vendor, err := saveristest.Start(saveristest.Config{
		World: saveristest.World{Sites: 1, Loggers: 1, Channels: 1, Cycle: time.Second, Start: noon.Add(-10 * time.Minute), OutageEvery: 80 * time.Second, OutageMax: 40 * time.Second},
		Now:   func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	return vendor
}

// silences are the first silence of a channel that has ended, its end, and one that is none.
func silences(t *testing.T, vendor *saveristest.Server) (silent, resumed, wrong schema.Silence) {
	t.Helper()
	var rows []saveristest.Measurement
	for m := range vendor.Measurements(noon.Add(-10*time.Minute), noon, noon) {
		rows = append(rows, m)
	}
	of := func(i int) schema.Silence {
		m := rows[i]
		return schema.Silence{Tenant: "t", Site: "s", Sensor: m.SensorUUID, Serial: m.SerialNo, Channel: "1", LastAt: m.Timestamp, DueAt: m.Timestamp.Add(4 * time.Second), Cycle: time.Second}
	}
	for i := range rows[:len(rows)-5] {
		at, newest, heard := noon, time.Time{}, 0
		for _, m := range rows[i+1:] { // when it is heard again
			if m.VisibleAt.Before(at) {
				at = m.VisibleAt
			}
		}
		for _, m := range rows[i+1:] {
			if !m.VisibleAt.After(at) {
				newest, heard = m.Timestamp, heard+1
			}
		}
		if !at.After(rows[i].Timestamp.Add(4 * time.Second)) {
			wrong = of(i)
			continue
		}
		silent, resumed = of(i), of(i)
		resumed.Resumed, resumed.At, resumed.Missing = true, at, int(newest.Sub(rows[i].Timestamp)/time.Second)-heard
		return silent, resumed, wrong
	}
	t.Fatal("nobody was silent")
	return silent, resumed, wrong
}

func TestTheJudgeOfSilenceSeesEveryFault(t *testing.T) {
	vendor := silentLogger(t)
	silent, resumed, wrong := silences(t, vendor)
	miscounted, again := resumed, silent
	miscounted.Missing++
	again.LastAt, again.DueAt = wrong.LastAt, wrong.DueAt
	now := time.Now().UTC()
	bridge := schema.Silence{Feed: schema.Readings, LastAt: now.Add(-2 * time.Minute), DueAt: now.Add(-time.Minute), Cycle: time.Second}
	alive := schema.Silence{Feed: schema.Readings, LastAt: now.Add(-30 * time.Second), DueAt: now.Add(30 * time.Second), Cycle: time.Second}
	back := bridge
	back.Resumed, back.At = true, now
	for name, x := range map[string]struct {
		store  []schema.Silence
		column func(r *bridgetest.AuditReport) int
	}{
		"nothing":                           {[]schema.Silence{silent, resumed, bridge, back}, nil},
		"a silence that has not ended":      {[]schema.Silence{silent}, func(r *bridgetest.AuditReport) int { return r.Missing }},
		"another one before it has":         {[]schema.Silence{silent, again}, func(r *bridgetest.AuditReport) int { return r.Doubled }},
		"the same one once more":            {[]schema.Silence{silent, resumed, silent, resumed}, func(r *bridgetest.AuditReport) int { return r.Doubled }},
		"none":                              {[]schema.Silence{wrong}, func(r *bridgetest.AuditReport) int { return r.Wrong }},
		"missing readings, miscounted":      {[]schema.Silence{silent, miscounted}, func(r *bridgetest.AuditReport) int { return r.Wrong }},
		"an end of nothing":                 {[]schema.Silence{resumed}, func(r *bridgetest.AuditReport) int { return r.Unexpected }},
		"a bridge that is not heard again":  {[]schema.Silence{bridge}, func(r *bridgetest.AuditReport) int { return r.Missing }},
		"a bridge that has polled meantime": {[]schema.Silence{alive}, func(r *bridgetest.AuditReport) int { return r.Wrong }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCourt(t)
			from := noon.Add(-time.Second)
			_, err := c.writer.Commit(t.Context(), checkpoint.DayOf(from), nil, &checkpoint.Interval{From: from, Until: noon, ReadAt: noon, Route: "sync"})
			c.check(err)
			store := publish.NewSilences(c.js, seed.Broker)
			last := map[string]uint64{}
			for _, s := range x.store {
				s.Before = last[s.Subject("saveris")]
				c.check(store.Store(t.Context(), []schema.Silence{s}, func(_ int, sequence uint64) { last[s.Subject("saveris")] = sequence }))
			}
			rule := bridgetest.SilenceRule{
				Cycle: time.Second, Communication: time.Second, After: 3, Start: noon.Add(-10 * time.Minute), Interval: time.Second,
				Feeds: []string{"readings"}, Ahead: noon.Sub(now),
			}
			r, err := bridgetest.AuditSilence(t.Context(), c.js, vendor, rule, bridgetest.Quiet{Began: noon.Add(-10 * time.Minute), Since: noon, Stopped: noon})
			if err != nil || r.Stored != len(x.store) || r.Clean() != (x.column == nil) || x.column != nil && x.column(r) == 0 {
				t.Errorf("found %s (%v)", r, err)
			}
		})
	}
}
