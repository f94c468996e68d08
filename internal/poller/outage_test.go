package poller_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// cutOff is a logger's outage from five hours before the vendor's clock starts until nine hours after.
func (b *bench) cutOff() (back time.Time) {
	back = dayEnd.Add(9 * time.Hour)
	alarm := saveristest.Alarm{
		UUID: "lost", SerialNo: "20208111", AlarmStatus: "Alarm", AlarmSeverity: "Alarm", AlarmType: "device system alarm",
		AlarmConditionType: "Connection timeout, device did not communicated in expected time", AlarmTime: dayEnd.Add(-5 * time.Hour),
	}
	b.vendor.AddAlarm(alarm)
	alarm.UUID, alarm.AlarmStatus, alarm.AlarmTime, alarm.SourceAlarmEventUUID = "back", "Ok", back, "lost"
	b.vendor.AddAlarm(alarm)
	return back
}

func TestWhatALoggerDeliversAfterAnOutageIsRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	back := b.cutOff()
	for id, visible := range map[string]time.Time{"burst": back, "straggler": back.Add(10 * time.Minute)} {
		reading := row(id, 5*time.Hour+10*time.Minute, "9.9")
		reading.VisibleAt = visible
		b.vendor.AddMeasurement(reading)
		b.vendor.AddAlarm(saveristest.Alarm{
			UUID: id, SerialNo: "22011234", AlarmStatus: "Unknown", AlarmTime: dayEnd.Add(-5*time.Hour - 10*time.Minute), VisibleAt: visible,
		})
	}
	feeds := []schema.Feed{schema.Readings, schema.Alarms}
	bridges := func() (both []*poller.Live) {
		for _, feed := range feeds {
			live := b.live(b.js, feed, b.client(nil))
			live.Outages = poller.NewOutages(checkpoint.NewStream(b.js, names.Stream(schema.Alarms), names.Prefix, string(schema.Alarms))).Ended
			both = append(both, live)
		}
		return both
	}
	b.run(func() {
		for _, feed := range feeds {
			b.awaitCovered(feed, dayEnd)
		}
		b.forward(8*time.Hour + 30*time.Minute) // the last age of what was measured during the outage has passed
		for _, feed := range feeds {
			b.awaitCovered(feed, dayEnd.Add(8*time.Hour+30*time.Minute))
		}
		b.forward(31 * time.Minute)
		b.awaitEvent(schema.Readings, "burst")
		b.awaitEvent(schema.Alarms, "burst.unknown."+dayEnd.Add(-5*time.Hour-10*time.Minute).Format("20060102T150405Z"))
	}, bridges()...)
	b.run(func() { // other processes know as much
		b.forward(15 * time.Minute)
		b.awaitEvent(schema.Readings, "straggler")
		b.awaitEvent(schema.Alarms, "straggler.unknown."+dayEnd.Add(-5*time.Hour-10*time.Minute).Format("20060102T150405Z"))
	}, bridges()...)
	for _, feed := range feeds {
		b.audit(feed, dayEnd.Add(9*time.Hour))
	}
}

// TestAnOutageThatTheFleetHasShownIsReadAgain from the logger's last communication on, and no further back.
func TestAnOutageThatTheFleetHasShownIsReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now().UTC()
		at := func(hours int) time.Time { return began.Add(time.Duration(hours) * time.Hour) }
		var list covered
		for h := -100; h < 10; h++ {
			list.add(poller.Window{Span: checkpoint.Span{From: at(h), Until: at(h + 1)}}, at(h+1), nil)
		}
		<-time.After(10*time.Hour + time.Minute)
		p := &poller.AfterOutage{Ages: checkpoint.Ages{time.Hour, 200 * time.Hour}, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read,
			Outages: func(context.Context) ([]schema.Outage, error) {
				return []schema.Outage{{Begun: at(3), Ended: at(7)}}, nil
			}}
		w, err := p.Next(t.Context())
		if err != nil || !w.From.Equal(at(3)) || w.Reason != poller.ReasonOutage {
			t.Errorf("%+v, %v, want it to begin at %v", w, err, at(3))
		}
	})
}

// TestAnOutageIsReadAgainOnceAndOnceMoreBeyondTheAges lets an outage end, and the plan carry what follows.
func TestAnOutageIsReadAgainOnceAndOnceMoreBeyondTheAges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ages := checkpoint.Ages{time.Hour, 6 * time.Hour}
		began := time.Now().UTC()
		at := func(hours int) time.Time { return began.Add(time.Duration(hours) * time.Hour) }
		var list covered // an hour each, read at its last age, up to ten hours after the beginning
		for h := -100; h < 10; h++ {
			list.add(poller.Window{Span: checkpoint.Span{From: at(h), Until: at(h + 1)}}, at(h+1), nil)
		}
		<-time.After(10*time.Hour + 10*time.Minute)
		came := time.Now().UTC()
		outages := []schema.Outage{{Raised: at(-20), Ended: came}}
		plan := func() *poller.AfterOutage {
			return &poller.AfterOutage{
				Ages: ages, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read,
				Outages: func(context.Context) ([]schema.Outage, error) { return slices.Clone(outages), nil },
			}
		}
		read := func(p *poller.AfterOutage, until time.Duration) (all []checkpoint.Span) {
			ctx, cancel := context.WithDeadline(t.Context(), came.Add(until))
			defer cancel()
			for {
				w, err := p.Next(ctx)
				if err != nil {
					return all
				}
				if w.Reason != poller.ReasonOutage || !w.Background {
					t.Fatalf("window %+v", w)
				}
				list.add(w, time.Now(), ages)
				p.Done(w, 10, nil)
				all = append(all, w.Span)
			}
		}
		expect := func(what string, got []checkpoint.Span, want ...checkpoint.Span) {
			t.Helper()
			for _, span := range want {
				if left := poller.CutOut([]checkpoint.Span{span}, got...); len(left) > 0 {
					t.Errorf("%s: %v was not read", what, left)
				}
			}
			if more := poller.CutOut(got, want...); len(more) > 0 {
				t.Errorf("%s: %v was read without need", what, more)
			}
		}
		// It lasted 30 hours, so it may have begun as long before its alarm.
		all := checkpoint.Span{From: at(-50).Add(-10 * time.Minute), Until: at(10)}
		expect("at once", read(plan(), 14*time.Minute), all)
		expect("after a restart", read(plan(), 14*time.Minute+30*time.Second))
		later := plan()
		expect("when it has been delivered", read(later, 20*time.Minute), checkpoint.Span{From: all.From, Until: came.Add(15*time.Minute - 6*time.Hour)})
		expect("two days later", append(read(later, 48*time.Hour), read(plan(), 48*time.Hour)...))
	})
}

func TestAnOutageThatIsNotKnownToHaveBegunIsReadAsFarBackAsLoggersRemember(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		list := covered{{From: now.AddDate(0, 0, -200), Until: now, ReadAt: now.AddDate(0, 0, -1), Route: "sync"}}
		p := &poller.AfterOutage{Ages: ages, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read,
			Outages: func(context.Context) ([]schema.Outage, error) { return []schema.Outage{{Ended: now}}, nil }}
		if w, err := p.Next(t.Context()); err != nil || !w.From.Equal(now.AddDate(0, 0, -100)) {
			t.Errorf("%+v (%v), want from %v", w, err, now.AddDate(0, 0, -100))
		}
	})
}

func TestAWindowOfAnOutageThatCannotBeHadHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		list := covered{{From: now.AddDate(0, 0, -3), Until: now, ReadAt: now.Add(-time.Hour), Route: "sync"}}
		p := &poller.AfterOutage{Ages: ages, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read,
			Outages: func(context.Context) ([]schema.Outage, error) {
				return []schema.Outage{{Raised: now.Add(-24 * time.Hour), Ended: now}}, nil
			}}
		var once sync.Once
		var bad checkpoint.Span
		for {
			w, err := p.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			once.Do(func() { bad = w.Span })
			if w.Span == bad && time.Since(now) >= 10*time.Minute {
				return // tried again, when all others had been read
			}
			if w.From.Equal(bad.From) {
				p.Done(w, 0, poller.ErrRejected)
				continue
			}
			list.add(w, time.Now(), ages)
			p.Done(w, 10, nil)
		}
	})
}

func TestAnOutageThatEndsInTheFutureIsNotReadForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		list := covered{{From: now.AddDate(0, 0, -3), Until: now, ReadAt: now, Route: "sync"}}
		ended := now.Add(time.Hour)
		p := &poller.AfterOutage{Ages: ages, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read,
			Outages: func(context.Context) ([]schema.Outage, error) {
				return []schema.Outage{{Raised: now.Add(-24 * time.Hour), Ended: ended}}, nil
			}}
		if w, err := p.Next(t.Context()); err != nil || time.Now().Before(ended) {
			t.Errorf("%v before its end: %+v, %v", time.Until(ended), w, err)
		}
	})
}

// TestAnAnswerThatWasAskedForBeforeTheEndIsNoAnswer is of an export that a process left which was killed.
func TestAnAnswerThatWasAskedForBeforeTheEndIsNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := time.Now().UTC()
		asked := ended.Add(-time.Minute)
		list := covered{{From: ended.AddDate(0, 0, -3), Until: ended.AddDate(0, 0, -2), ReadAt: asked, Route: "sync"}}
		p := &poller.AfterOutage{Ages: defaultAges, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read,
			Outages: func(context.Context) ([]schema.Outage, error) {
				return []schema.Outage{{Raised: ended.AddDate(0, 0, -3), Ended: ended}}, nil
			}}
		first, err := p.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first.AskedAt = asked
		list.add(first, asked, defaultAges)
		p.Done(first, 10, nil)
		if again, err := p.Next(t.Context()); err != nil || !again.From.Equal(first.From) {
			t.Errorf("read %v, then %v (%v): want it read again", first.Span, again.Span, err)
		}
	})
}
