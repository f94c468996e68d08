package silence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

var config = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}

// scene is a server with the bridge's streams, a fleet, and a vendor's clock, of which everything is covered up to now.
type scene struct {
	*testing.T
	js       jetstream.JetStream
	channels []fleet.Channel
	clock    time.Time
	stored   atomic.Int64 // readings, which makes their ids
}

func TestMain(m *testing.M) { bridgetest.Main(m) }

func newScene(t *testing.T) *scene {
	t.Helper()
	return &scene{T: t, js: seed.Streams(t), clock: at(0)}
}

// add adds channels whose cycle is ten minutes, known since long ago.
func (s *scene) add(serials ...string) {
	for _, serial := range serials {
		s.channels = append(s.channels, fleet.Channel{
			Sensor: "u" + serial, No: "1", Tenant: "t", Site: "s", Serial: serial, Model: "M", Names: `{"sensor":"Air"}`,
			Cycle: 10 * time.Minute, Communication: 10 * time.Minute, Known: at(-24 * 60),
		})
	}
}

// reads stores readings of a channel, so many minutes after noon.
func (s *scene) reads(serial, lane string, minutes ...int) {
	s.Helper()
	s.readsAs("u"+serial, serial, lane, minutes...)
}

// readsAs stores readings of a sensor with a uuid.
func (s *scene) readsAs(uuid, serial, lane string, minutes ...int) {
	s.Helper()
	s.readsOf(uuid, serial, "1", lane, minutes...)
}

// readsOf stores readings of a channel.
func (s *scene) readsOf(uuid, serial, channel, lane string, minutes ...int) {
	s.Helper()
	for _, minute := range minutes {
		header := nats.Header{
			"ce-specversion": {"1.0"}, "ce-id": {fmt.Sprint("r", s.stored.Add(1))}, "ce-source": {"https://vendor.example/tenants/t"}, "ce-type": {"saveris.reading.v1"},
			"ce-subject": {serial + "/" + channel}, "ce-time": {at(minute).Format(time.RFC3339)}, "ce-datacontenttype": {"application/json"},
			"ce-dataschema": {"urn:saveris-bridge:reading:v1"}, "ce-partitionkey": {uuid}, "ce-lane": {lane},
		}
		msg := &nats.Msg{Subject: "saveris-ingest.readings." + lane + ".t.s." + serial + "." + channel + ".air_temperature", Header: header, Data: []byte(`{}`)}
		if _, err := s.js.PublishMsg(s.Context(), msg); err != nil {
			s.Fatal(err)
		}
	}
}

// line is that of a bridge that has just started.
func (s *scene) line() *Line {
	l := &Line{
		Rule: 3, Channels: func() []fleet.Channel { return s.channels }, Readings: checkpoint.NewStream(s.js, "SAVERIS_READINGS", "saveris", "readings"),
		Prefix: "saveris", LiveAge: 24 * time.Hour, Silences: publish.NewSilences(s.js, config), Log: slog.New(slog.DiscardHandler),
		Now: func(context.Context) (time.Time, error) { return s.clock, nil },
		Covered: func(_ context.Context, span checkpoint.Span) ([]checkpoint.Interval, time.Time, error) {
			return []checkpoint.Interval{{From: span.From, Until: s.clock}}, span.From, nil
		},
	}
	l.Init()
	l.ears = l.newEars()
	return l
}

// judge judges at a minute after noon.
func (s *scene) judge(l *Line, minute int) {
	s.Helper()
	s.clock = at(minute)
	if err := l.judge(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// silences are the ids and the missing readings of all that is stored, in their order.
func (s *scene) silences() (all []string) {
	s.Helper()
	stream := checkpoint.NewStream(s.js, "SAVERIS_HEALTH", "saveris", "health")
	_, err := stream.EventsAfter(s.Context(), checkpoint.Position{}, time.Time{}.Add(time.Hour), func(e checkpoint.StoredEvent) error {
		if string(e.Data) == "{}" { // somebody else's
			return nil
		}
		read, err := schema.ReadSilence(e.Subject, e.Header, e.Data)
		if text := read.ID; err == nil {
			if read.Resumed {
				text += fmt.Sprint(" missing ", read.Missing)
			}
			all = append(all, text)
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return all
}

func (s *scene) want(ids ...string) {
	s.Helper()
	if got := s.silences(); strings.Join(got, "\n") != strings.Join(ids, "\n") {
		s.Errorf("stored are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(ids, "\n"))
	}
}

func (s *scene) wantOpen(l *Line, want int) {
	s.Helper()
	if n, known := l.Open(); n != want || !known {
		s.Errorf("%d channels are silent, known %v, want %d", n, known, want)
	}
}

func id(serial string, minute int) string { return serial + ".1." + at(minute).Format(time.RFC3339) }

// TestAChannelFallsSilentAndIsHeardAgain, each once, however often it is judged.
func TestAChannelFallsSilentAndIsHeardAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100", "200")
	s.reads("100", "live", 0)
	s.reads("200", "live", 0)
	l := s.line()
	s.judge(l, 40)
	s.want()
	s.reads("200", "live", 40)
	s.judge(l, 41)
	s.judge(l, 50)
	s.want(id("100", 0))
	s.wantOpen(l, 1)
	s.reads("200", "live", 60)
	s.reads("100", "live", 30, 60)
	s.judge(l, 61)
	s.judge(l, 62)
	s.want(id("100", 0), id("100", 0)+".resumed missing 4")
	s.wantOpen(l, 0)
	s.reads("200", "live", 110)
	s.judge(l, 120)
	s.want(id("100", 0), id("100", 0)+".resumed missing 4", id("100", 60))
}

// TestTheLogNamesAChannelThatIsSilent, and not one that is heard again.
func TestTheLogNamesAChannelThatIsSilent(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100", "200")
	s.reads("100", "live", 0)
	s.reads("200", "live", 30)
	var log strings.Builder
	l := s.line()
	l.Log = slog.New(slog.NewTextHandler(&log, nil))
	s.judge(l, 45)
	s.reads("100", "live", 75)
	s.judge(l, 80)
	for _, want := range []string{"channels are silent\" channels=1 first=100/1", "channels are silent\" channels=1 first=200/1", "heard again\" channels=1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in\n%s", want, log.String())
		}
	}
}

// TestWhatIsStoredWhileItIsJudgedIsHeard: another line, or another bridge, stores the readings of a window and has it covered, and both after
// the stream was read.
func TestWhatIsStoredWhileItIsJudgedIsHeard(t *testing.T) {
	s := newScene(t)
	s.add("100")
	s.reads("100", "live", 0)
	l := s.line()
	covered, caughtUp := l.Covered, false
	l.Covered = func(ctx context.Context, span checkpoint.Span) ([]checkpoint.Interval, time.Time, error) {
		if !caughtUp {
			s.reads("100", "live", 10, 20, 30)
		}
		caughtUp = true
		return covered(ctx, span)
	}
	s.judge(l, 50)
	if !caughtUp {
		t.Error("nobody asked what is covered")
	}
	s.judge(l, 51)
	s.want()
	s.judge(l, 71)
	s.want(id("100", 30))
}

// TestALateReadingNeitherEndsNorBeginsASilence: what counts is the time of a reading, not when it was stored, in this process or the next.
func TestALateReadingNeitherEndsNorBeginsASilence(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100")
	s.reads("100", "live", 30)
	s.reads("100", "history", -600)
	s.reads("100", "live", 0)
	s.judge(s.line(), 69)
	s.want()
	l := s.line()
	s.judge(l, 71)
	s.reads("100", "live", 10, 20, 30)
	s.judge(l, 72)
	s.judge(s.line(), 73)
	s.want(id("100", 30))
}

// TestEachSilenceIsStoredOnceThroughKillsAndByTwoBridges: one that has just started knows as much as one that has seen it all.
func TestEachSilenceIsStoredOnceThroughKillsAndByTwoBridges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100", "200", "300")
	s.reads("100", "live", 0)
	s.reads("200", "live", 5)
	old := s.line()
	s.judge(old, 1) // 300 never had a reading, and has been known for a day
	s.want("300.1.never")
	s.judge(s.line(), 41)
	s.judge(old, 42)
	s.want("300.1.never", id("100", 0))
	s.judge(old, 46)
	s.judge(s.line(), 47)
	s.want("300.1.never", id("100", 0), id("200", 5))
	s.reads("100", "live", 30, 40, 50)
	s.reads("300", "live", 50)
	s.judge(s.line(), 51) // which counts what was stored before it began
	if err := old.judge(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.want("300.1.never", id("100", 0), id("200", 5), id("100", 0)+".resumed missing 2", "300.1.never.resumed missing 0")
}

// TestChannelsThatAreRetiredOrInactiveAreNotSilent, and are not counted where they were.
func TestChannelsThatAreRetiredOrInactiveAreNotSilent(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100", "200", "300")
	s.channels[0].Inactive = true
	l := s.line()
	s.judge(l, 1)
	s.want("200.1.never", "300.1.never")
	s.channels[1].Inactive, s.channels = true, s.channels[:2]
	s.judge(l, 2)
	s.wantOpen(l, 0)
	s.channels[1].Inactive = false
	s.judge(l, 3)
	s.wantOpen(l, 1)
	s.channels = nil // all of them are retired
	s.judge(l, 4)
	s.wantOpen(l, 0)
	s.want("200.1.never", "300.1.never")
}

// TestASensorThatHasJustComeIsNotSilent, however long its device is known: nothing of it was due yet.
func TestASensorThatHasJustComeIsNotSilent(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100")
	s.reads("100", "live", 0)
	l := s.line()
	s.judge(l, 1)
	s.add("200")
	s.judge(l, 2)
	s.reads("100", "live", 41)
	s.judge(l, 42)
	s.want()
	s.judge(l, 43)
	s.want("200.1.never")
}

// TestASensorThatHasJustComeIsNotSilentForWhoTakesOver: a bridge that stood by knows the device for longer, and has judged nothing.
func TestASensorThatHasJustComeIsNotSilentForWhoTakesOver(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	known := fleet.NewPlaces()
	look := func(minute int, sensors string) {
		data := `{"kind":"device","key":"k","document":{"tenant_uuid":"t","customer_site":"s","device_uuid":"d","device_measuring_cycle":600000,"device_communication_log_time":600000,"sensors":[` + sensors + `]}}`
		if err := known.LoadAt([]byte(data), 1, at(minute)); err != nil {
			t.Fatal(err)
		}
		s.channels = known.Directory().Channels()
	}
	look(-24*60, "")
	look(5, `{"sensor_uuid":"u100","sensor_serial_no":"100","channels":[{"channel_no":1}]}`)
	l := s.line()
	s.judge(l, 6)
	s.judge(l, 45)
	s.want()
	s.judge(l, 46)
	s.want("100.1.never")
}

// TestReadingsWithoutAChannelAreOfAllOfASensor: measurements v1, which the bridge falls back to, have no number of one.
func TestReadingsWithoutAChannelAreOfAllOfASensor(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100", "200")
	s.reads("100", "live", 0)
	s.reads("200", "live", 0)
	l := s.line()
	s.readsOf("u100", "100", "_", "live", 30)
	s.judge(l, 41)
	s.want(id("200", 0))
	s.readsOf("u200", "200", "_", "live", 50)
	s.judge(l, 51)
	s.want(id("200", 0), id("200", 0)+".resumed missing 4")
	s.judge(s.line(), 71)
	s.want(id("200", 0), id("200", 0)+".resumed missing 4", id("100", 30))
}

// TestAChannelThatTheFleetHasTwiceIsSilentOnce, as while a sensor goes from one logger to another: the silence at the other place would
// have no end.
func TestAChannelThatTheFleetHasTwiceIsSilentOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100", "100", "100")
	s.channels[0].Inactive, s.channels[2].Site = true, "another"
	s.reads("100", "live", 0)
	l := s.line()
	s.judge(l, 41)
	s.wantOpen(l, 1)
	s.reads("100", "live", 50)
	s.judge(l, 51)
	s.want(id("100", 0), id("100", 0)+".resumed missing 4")
}

// TestTwoChannelsOfOneNameAreSilentInTurn: they have one subject, on which each silence stands once; one that is switched off gives way.
func TestTwoChannelsOfOneNameAreSilentInTurn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100", "100")
	s.channels[1].Sensor = "another"
	s.reads("100", "live", 0)
	s.readsAs("another", "100", "live", 5)
	l := s.line()
	for minute := 60; minute < 64; minute++ {
		s.judge(l, minute)
	}
	s.judge(s.line(), 64)
	silent := s.silences()
	if len(silent) != 1 {
		t.Fatalf("%q, want one", silent)
	}
	first := 0
	if silent[0] == id("100", 5) {
		first = 1
	}
	s.channels[first].Inactive = true
	s.judge(l, 65)
	s.judge(l, 66)
	s.judge(s.line(), 67)
	if silent = s.silences(); len(silent) != 2 || silent[0] == silent[1] {
		t.Errorf("%q, want that of the other too", silent)
	}
	s.readsAs(s.channels[1-first].Sensor, "100", "live", 70)
	s.judge(l, 71)
	s.wantOpen(l, 0)
	s.judge(l, 72)
	if silent = s.silences(); len(silent) != 3 {
		t.Errorf("%q, want its end", silent)
	}
}

// TestASilenceEndsThoughTheSensorHasAnotherUUIDNow: what people and subjects know it by is the same.
func TestASilenceEndsThoughTheSensorHasAnotherUUIDNow(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100")
	s.reads("100", "live", 0)
	s.judge(s.line(), 41)
	l := s.line()
	s.judge(l, 42)
	s.channels[0].Sensor = "another"
	s.judge(l, 43) // the device is known since long ago, but this uuid is not
	s.readsAs("another", "100", "live", 45, 50)
	s.judge(l, 51)
	ended := []string{id("100", 0), id("100", 0) + ".resumed missing 3"}
	s.want(ended...)
	s.wantOpen(l, 0)
	s.judge(s.line(), 91)
	s.want(append(ended, id("100", 50))...)
}

// TestASilenceEndsThoughTheChannelHasLeftTheFleet: a logger that was replaced while it was cut off, and what it had measured arrives
// behind that, or is stored with nobody there to judge it.
func TestASilenceEndsThoughTheChannelHasLeftTheFleet(t *testing.T) {
	t.Parallel()
	for name, all := range map[string]bool{"with others": false, "with all": true} {
		for restart, again := range map[string]bool{"in one process": false, "in the next": true} {
			t.Run(name+", "+restart, func(t *testing.T) {
				t.Parallel()
				s := newScene(t)
				s.add("100", "200")
				s.reads("100", "live", 0)
				s.reads("200", "live", 0, 30)
				l := s.line()
				s.judge(l, 41)
				if s.channels = s.channels[1:]; all {
					s.channels = nil
				}
				s.judge(l, 42)
				s.reads("100", "live", 10, 40)
				if again && !all { // with nobody in it a fleet is not known to be one
					l = s.line()
				}
				s.judge(l, 43)
				s.want(id("100", 0), id("100", 0)+".resumed missing 2")
				s.judge(l, 44)
				s.want(id("100", 0), id("100", 0)+".resumed missing 2")
				s.wantOpen(l, 0)
			})
		}
	}
}

// TestAReadingFromTheFutureKeepsNoChannelFromBeingSilent: a logger with a wrong clock.
func TestAReadingFromTheFutureKeepsNoChannelFromBeingSilent(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100")
	s.reads("100", "live", 0, 60*24*365)
	s.judge(s.line(), 41)
	s.want(id("100", 0))
}

// TestAPollEndsTheWaitAfterAFailure: what was away for long is back then.
func TestAPollEndsTheWaitAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		l := &Line{Channels: func() []fleet.Channel { return make([]fleet.Channel, 1) }, Log: slog.New(slog.DiscardHandler)}
		l.Now = func(context.Context) (time.Time, error) {
			tries.Add(1)
			return time.Time{}, errors.New("away")
		}
		l.Init()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go l.Run(ctx)
		l.Polled()
		time.Sleep(20 * time.Second) // the waits of 1, 2, 4 and 8 seconds are over
		before := tries.Load()
		l.Polled()
		synctest.Wait()
		if tries.Load() == before {
			t.Errorf("not judged after a poll, %d times before", before)
		}
	})
}

// TestWhatCannotBeJudgedForLongIsToldOnce, and its end, by each who leads; meanwhile nobody claims to know how many are silent.
func TestWhatCannotBeJudgedForLongIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var list []error
		told := func() []error {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(list)
		}
		var empty atomic.Bool // fleet: nothing is to be judged
		l := &Line{Log: slog.New(slog.DiscardHandler), OnJudged: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, err)
		}}
		l.Channels = func() []fleet.Channel {
			if empty.Load() {
				return nil
			}
			return make([]fleet.Channel, 1)
		}
		l.Now = func(context.Context) (time.Time, error) { return time.Time{}, errors.New("away") }
		l.Init()
		for lead := 1; lead <= 2; lead++ {
			ctx, stop := context.WithCancel(t.Context())
			go l.Run(ctx)
			l.Polled()
			synctest.Wait()
			l.count.Store(3)
			time.Sleep(30 * time.Second)
			synctest.Wait()
			if n, known := l.Open(); len(told()) != 2*lead-2 || n != 2 || !known {
				t.Errorf("told %v, %d are silent, known: %v; half a minute may pass", told(), n, known)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if _, known := l.Open(); len(told()) != 2*lead-1 || known {
				t.Errorf("after an hour told %v, known: %v", told(), known)
			}
			empty.Store(true)
			time.Sleep(time.Hour)
			synctest.Wait()
			if len(told()) != 2*lead || told()[2*lead-1] != nil {
				t.Errorf("told %v, want its end", told())
			}
			stop()
			synctest.Wait()
			empty.Store(false)
		}
	})
}

// TestNothingIsSilentWhileTheFleetIsUnknown, or the readings have a gap.
func TestNothingIsSilentWhileTheFleetIsUnknown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := s.line()
	s.judge(l, 99)
	s.add("100")
	s.reads("100", "live", 0)
	l.Covered = func(context.Context, checkpoint.Span) ([]checkpoint.Interval, time.Time, error) {
		return covered(-60, 10, 20, 99), at(-60), nil
	}
	s.judge(l, 99)
	s.want()
}

// TestManyChannelsAreSilentAtOnce: the line of a site is cut.
func TestManyChannelsAreSilentAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const many = 2500 // more than a batch holds
	for i := range many {
		s.add(fmt.Sprint(1000 + i))
	}
	l := s.line()
	s.judge(l, 1)
	if got := s.silences(); len(got) != many {
		t.Errorf("%d silences are stored, want %d", len(got), many)
	}
	s.wantOpen(l, many)
}

// TestTheSwitchOfABridgeThatPolls never fires, and what had fired ends with its next poll, once, whatever somebody else has stored behind it.
func TestTheSwitchOfABridgeThatPolls(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	silences := publish.NewSilences(s.js, config)
	fired := schema.Silence{Feed: schema.Readings, LastAt: at(0), DueAt: at(1), Cycle: 20 * time.Second}
	if err := silences.Store(t.Context(), []schema.Silence{fired}, func(int, uint64) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.js.Publish(t.Context(), "saveris-ingest.health.bridge.readings", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	sw := &Switch{Feed: schema.Readings, Interval: 20 * time.Second, Silences: silences, Log: slog.New(slog.DiscardHandler)}
	now := time.Now().UTC().Truncate(time.Millisecond)
	for range 3 {
		if err := sw.Arm(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	ended := "bridge.readings." + at(0).Format(time.RFC3339)
	s.want(ended, ended+".resumed missing 0")
	if schema.StalledAfter(time.Second) != time.Minute || schema.StalledAfter(5*time.Minute) != 15*time.Minute {
		t.Error("a feed may be without a poll for three intervals, a minute at least")
	}
}

// TestAStreamThatLosesReadingsRepeatsNoSilence: they are read again, and what has been said stays said.
func TestAStreamThatLosesReadingsRepeatsNoSilence(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add("100")
	s.reads("100", "live", 0)
	l := s.line()
	s.judge(l, 41)
	s.reads("100", "live", 60)
	s.judge(l, 61)
	said := []string{id("100", 0), id("100", 0) + ".resumed missing 5"}
	s.want(said...)
	if err := s.js.DeleteStream(t.Context(), "SAVERIS_READINGS"); err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), s.js, config); err != nil {
		t.Fatal(err)
	}
	s.reads("100", "live", 0)
	s.judge(l, 101)
	s.want(said...)
	s.reads("100", "live", 60)
	s.judge(l, 102)
	s.want(append(said, id("100", 60))...)
}

// TestTheHistoryLaneIsHeardWhereCyclesAreLong: a channel that measures every day may be heard by a reading that is not live any more.
func TestTheHistoryLaneIsHeardWhereCyclesAreLong(t *testing.T) {
	t.Parallel()
	for cycle, want := range map[time.Duration][]string{
		24 * time.Hour:   nil,
		10 * time.Minute: {id("100", -60*100)}, // then what is old ends no silence, and begins none
	} {
		s := newScene(t)
		s.add("100")
		s.channels[0].Cycle = cycle
		s.reads("100", "live", -60*100)
		l := s.line()
		s.judge(l, -60*99)
		s.reads("100", "history", -60*30)
		s.judge(l, 0)
		s.want(want...)
	}
}

// TestTwoBridgesThatJudgeAtOnceSayEachSilenceOnce: whoever comes second is refused, reads again, and has nothing to say.
func TestTwoBridgesThatJudgeAtOnceSayEachSilenceOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i := range 50 {
		s.add(fmt.Sprint(100 + i))
	}
	lines := []*Line{s.line(), s.line()}
	const rounds = 6
	for round := range rounds {
		s.clock = at(100 * round)
		for i, c := range s.channels {
			if i%2 == 0 || round%2 == 0 {
				s.reads(c.Serial, "live", 100*round-5)
			}
		}
		done := make(chan error)
		for _, l := range lines {
			go func() {
				var err error
				for range 5 { // conflicts
					if err = l.judge(t.Context()); !errors.Is(err, publish.ErrConflict) {
						break
					}
				}
				done <- err
			}()
		}
		for range lines {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		s.judge(lines[round%2], 100*round+60)
	}
	ids, open := map[string]bool{}, map[string]bool{}
	for _, id := range s.silences() {
		id, missing, _ := strings.Cut(id, " ")
		channel, _, _ := strings.Cut(id, ".")
		if ids[id] || open[channel] == (missing == "") {
			t.Errorf("%s is stored twice, or out of turn", id)
		}
		ids[id], open[channel] = true, missing == ""
	}
	if len(ids) < 50*rounds {
		t.Errorf("%d silences and ends are stored, want %d or more", len(ids), 50*rounds)
	}
}
