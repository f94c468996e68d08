package views_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// folded is a bridge as far as it stores rows of a feed, and what the bucket of its view has to show of them.
type folded struct {
	*stage
	feed   schema.Feed
	bucket string
	writer *publish.Writer
	base   time.Time // minute 0
}

func (s *stage) folded(feed schema.Feed) *folded {
	f := &folded{stage: s, feed: feed, bucket: "saveris-latest", base: time.Now().UTC().Add(-90 * time.Minute).Truncate(time.Minute)}
	if feed == schema.Alarms {
		f.bucket = "saveris-open-alarms"
	}
	f.writer = f.another()
	return f
}

// another is one more bridge, or a backfill.
func (f *folded) another() *publish.Writer {
	return publish.NewWriter(f.js, config, publish.Options{Feed: f.feed, Name: "test", LiveAge: time.Hour, Ages: checkpoint.Ages{time.Hour}, Now: time.Now})
}

func (f *folded) view() *views.Fold {
	v := views.NewLatest(f.bridge, config, time.Now)
	if f.feed == schema.Alarms {
		v = views.NewOpenAlarms(f.bridge, config)
	}
	v.Hurry()
	if counter.Add(1)%2 == 0 {
		v.ReadTogether()
	}
	return v
}

// keep keeps a view until the test ends, or until it is told to stop.
func (f *folded) keep(v *views.Fold) (stop func()) {
	ctx, cancel := context.WithCancel(f.Context())
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		_ = v.Keep(ctx, func(ctx context.Context) error { <-ctx.Done(); return nil })
	}()
	stop = func() { cancel(); <-kept }
	f.Cleanup(stop)
	return stop
}

// takeOver is a bridge that becomes leader and stops at once.
func (f *folded) takeOver() {
	f.Helper()
	f.check(f.view().Keep(f.Context(), func(context.Context) error { return nil }))
}

// reading tells of a row as "<uuid> <serial> <minute>", and a value.
func (f *folded) reading(told string, value int) schema.Event {
	var uuid, serial string
	var minute int
	if _, err := fmt.Sscan(told, &uuid, &serial, &minute); err != nil {
		f.Fatal(told, err)
	}
	return f.event("uuid", uuid, "timestamp", f.at(minute), "sensor_uuid", "s", "serial_no", serial, "channel_no", "1", "tenant_uuid", "t", "customer_site", "x",
		"physical_extension", "Air Temperature", "measurement", fmt.Sprint(value))
}

// alarm tells of a row as "<uuid> <status> <minute>".
func (f *folded) alarm(told string) schema.Event {
	var uuid, status string
	var minute int
	if _, err := fmt.Sscan(told, &uuid, &status, &minute); err != nil {
		f.Fatal(told, err)
	}
	return f.event("uuid", uuid, "alarm_time", f.at(minute), "last_status_change_time", f.at(minute), "alarm_status", status, "alarm_severity", "Alarm",
		"alarm_condition_type", "Upper limit", "serial_no", "100", "tenant_uuid", "t", "customer_site", "x", "physical_extension", "Air Temperature")
}

func (f *folded) at(minute int) string {
	return f.base.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339)
}

func (f *folded) event(columns ...string) schema.Event {
	var row saveris.Row
	for i := 0; i < len(columns); i += 2 {
		kind := saveris.String
		if columns[i] == "measurement" || columns[i] == "channel_no" {
			kind = saveris.Number
		}
		row.Fields = append(row.Fields, saveris.Field{Name: columns[i], Kind: kind, Text: []byte(columns[i+1])})
	}
	return schema.NewMaker(f.feed, "saveris", "http://vendor").Event(&row, schema.Window{}, time.Now())
}

// store stores events, each in a commit of its own.
func (f *folded) store(w *publish.Writer, events ...schema.Event) {
	f.Helper()
	for _, e := range events {
		f.await("a commit", func() bool {
			_, err := w.Commit(f.Context(), e.Day(), []schema.Event{e}, nil)
			return err == nil
		})
	}
}

// all reads the events of the stream.
func (f *folded) all() (list []checkpoint.StoredEvent) {
	f.Helper()
	source := checkpoint.NewStream(f.js, config.Names.Stream(f.feed), "saveris", string(f.feed))
	last, err := source.Last(f.Context())
	f.check(err)
	f.check(source.EventsOn(f.Context(), source.EventSubject(), checkpoint.Since{}, last+1, func(e checkpoint.StoredEvent) error {
		if source.Own(e) {
			list = append(list, e)
		}
		return nil
	}))
	return list
}

// want is what the bucket has to show: the event in the JSON format by key.
func (f *folded) want() map[string]string {
	f.Helper()
	want, shown := map[string]string{}, map[string]uint64{}
	if f.feed == schema.Alarms {
		open := schema.NewOpenAlarms()
		for _, e := range f.all() {
			if a, ok := schema.ReadAlarmEvent(e.Header, e.Data, e.Seq); ok {
				open.Take(a)
			}
		}
		for _, a := range open.List() {
			shown[schema.Token(a.FirstID())] = a.Seq
		}
	} else {
		shown = f.newest()
	}
	for _, e := range f.all() {
		for key, seq := range shown {
			if seq == e.Seq {
				text, err := schema.StructuredEvent(e.Header, e.Data)
				f.check(err)
				want[key] = fmt.Sprint(seq, " ", string(text))
			}
		}
	}
	return want
}

// newest returns the sequences of the newest readings, as the contract has it: of each the last content, by its time.
func (f *folded) newest() map[string]uint64 {
	type content struct {
		key string
		at  time.Time
		seq uint64
	}
	contents := map[string]content{}
	for _, e := range f.all() {
		s, err := schema.ReadStored(e.Header, e.Data)
		f.check(err)
		tokens := strings.Split(e.Subject, ".")
		id := s.ID
		if s.Revises != "" {
			id = s.Revises
		}
		if s.Time.Before(time.Now().Add(time.Hour)) {
			contents[id] = content{strings.Join(tokens[3:7], "."), s.Time, e.Seq}
		}
	}
	best := map[string]content{}
	for _, c := range contents {
		if b := best[c.key]; b.seq == 0 || c.at.After(b.at) || c.at.Equal(b.at) && c.seq > b.seq {
			best[c.key] = c
		}
	}
	shown := map[string]uint64{}
	for key, c := range best {
		shown[key] = c.seq
	}
	return shown
}

// is what the bucket shows.
func (f *folded) is() map[string]string {
	f.Helper()
	shown := map[string]string{}
	kv, err := f.js.KeyValue(f.Context(), f.bucket)
	if err != nil {
		return shown
	}
	keys, err := kv.ListKeys(f.Context())
	if err != nil {
		return shown
	}
	for key := range keys.Keys() {
		if m := f.last("KV_"+f.bucket, "$KV."+f.bucket+"."+key); m != nil {
			shown[key] = m.Header.Get("Saveris-Sequence") + " " + string(m.Data)
		}
	}
	return shown
}

func (f *folded) differences() (list []string) {
	f.Helper()
	want, is := f.want(), f.is()
	for key := range want {
		if is[key] != want[key] {
			list = append(list, fmt.Sprintf("%s is %.90q, want %.90q", key, is[key], want[key]))
		}
	}
	for key := range is {
		if want[key] == "" {
			list = append(list, fmt.Sprintf("%s is shown: %.90q", key, is[key]))
		}
	}
	return list
}

func (f *folded) awaitRight(when string) {
	f.Helper()
	f.await("what is shown to be right: "+when, func() bool { return len(f.differences()) == 0 })
}

// awaitTaken waits until the view has taken all that is stored, and then judges it.
func (f *folded) awaitTaken(when string) {
	f.Helper()
	serial := fmt.Sprint("b", counter.Add(1))
	if f.feed == schema.Alarms {
		f.store(f.writer, f.event("uuid", serial, "alarm_time", f.at(0), "alarm_status", "Alarm", "serial_no", serial))
	} else {
		f.store(f.writer, f.reading(fmt.Sprintf("%s %s 0", serial, serial), 1))
	}
	f.await("all to be taken", func() bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(f.is())), func(key string) bool { return strings.Contains(key, serial) })
	})
	if list := f.differences(); len(list) > 0 {
		f.Fatalf("%s: %v", when, list)
	}
}

// value is what the bucket shows of a channel, "" where it shows nothing.
func (f *folded) value(serial string) string {
	_, data, _ := schema.Unwrap(nats.Header{"content-type": {"application/cloudevents+json"}}, []byte(strings.SplitN(f.is()["t.x."+serial+".1"]+" ", " ", 2)[1]))
	read, _ := schema.ReadPoint(data)
	return read.Value
}

func TestTheNewestReadingByItsTimeIsShown(t *testing.T) {
	t.Parallel()
	for _, led := range []bool{true, false} { // by a view that follows, and by one that begins after each
		t.Run(fmt.Sprint("followed ", led), func(t *testing.T) {
			t.Parallel()
			f := newStage(t).folded(schema.Readings)
			if led {
				f.keep(f.view())
			}
			for _, c := range []struct {
				told  string
				value int
				want  string
				why   string
			}{
				{"a 1 30", 1, "1", "the first"},
				{"b 1 45", 2, "2", "a newer one"},
				{"c 1 15", 3, "2", "a late row"},
				{"d 1 45", 4, "4", "another one of the same time"},
				{"d 1 45", 5, "5", "a correction"},
				{"b 1 45", 6, "6", "a correction of what it had the place of, stored later"},
				{"e 1 200", 7, "6", "one that is more than an hour ahead"},
				{"f 1 100", 8, "8", "one that is less ahead"},
				{"f 1 40", 9, "6", "a correction to an earlier time"},
				{"c 1 50", 10, "10", "a correction to a later time"},
			} {
				f.store(f.writer, f.reading(c.told, c.value))
				if led {
					f.awaitTaken(c.why)
				} else {
					f.takeOver()
				}
				if is := f.value("1"); is != c.want {
					t.Fatalf("after %s (%s) %q is shown, want %q", c.told, c.why, is, c.want)
				}
			}
		})
	}
}

func TestAnAlarmIsShownAsLongAsItIsOpen(t *testing.T) {
	t.Parallel()
	f := newStage(t).folded(schema.Alarms)
	f.keep(f.view())
	for _, c := range []struct{ told, want, why string }{
		{"a Unknown 0", "", "unknown opens nothing"},
		{"b Alarm 1", "b", "raised"},
		{"c Alarm 2", "b c", "another one"},
		{"d Ok 3", "b", "an end: the newest is closed"},
		{"e Ok 4", "", "the other end"},
		{"g Ok 20", "", "an end before its beginning has come"},
		{"f Alarm 19", "", "the late beginning of what has ended"},
		{"h Alarm 30", "h", "raised"},
		{"h Ok 31", "", "a row that is updated"},
	} {
		f.store(f.writer, f.alarm(c.told))
		f.awaitTaken(c.why)
		var open []string
		for key := range f.is() {
			if name, _, _ := strings.Cut(key, "_"); len(name) == 1 {
				open = append(open, name)
			}
		}
		slices.Sort(open)
		if is := strings.Join(open, " "); is != c.want {
			t.Fatalf("after %s (%s) open are %q, want %q", c.told, c.why, is, c.want)
		}
	}
}

// TestWhateverHappenedFoldsAreRight stores rows in any order, by several bridges that are killed, and does to stream and bucket all that
// can be done, while two leaders keep the view, one of which is replaced all the time.
func TestWhateverHappenedFoldsAreRight(t *testing.T) {
	t.Parallel()
	for _, feed := range []schema.Feed{schema.Readings, schema.Alarms} {
		t.Run(string(feed), func(t *testing.T) {
			t.Parallel()
			f := newStage(t).folded(feed)
			f.impatient()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, seed))
			name := config.Names.Stream(feed)
			put := func(key string, m *nats.Msg) {
				m.Subject = "$KV." + f.bucket + "." + key
				_, _ = f.js.PublishMsg(t.Context(), m) // there may be none
			}
			someKey := func() string {
				if keys := slices.Sorted(maps.Keys(f.is())); len(keys) > 0 {
					return keys[rng.IntN(len(keys))]
				}
				return "none"
			}
			row := func() schema.Event {
				if feed == schema.Alarms {
					return f.alarm(fmt.Sprintf("u%d %s %d", rng.IntN(40), []string{"Alarm", "Ok", "Unknown"}[rng.IntN(3)], rng.IntN(90)))
				}
				row := rng.IntN(100) // a row stays with its channel
				return f.reading(fmt.Sprintf("u%d s%d %d", row, row%30, rng.IntN(200)), rng.IntN(10))
			}
			old := map[string]*nats.Msg{} // what keys have shown, as a bridge leaves them that is killed while it writes
			deeds := map[string]func(){
				"look": func() {
					for key, is := range f.is() {
						seq, data, _ := strings.Cut(is, " ")
						old[key] = &nats.Msg{Data: []byte(data), Header: nats.Header{"Saveris-Sequence": {seq}}}
					}
				},
				"show what is old": func() {
					for key, m := range old {
						if rng.IntN(2) == 0 {
							put(key, m)
						}
					}
				},
				"store":           func() { f.store(f.writer, row(), row(), row(), row(), row()) },
				"store elsewhere": func() { f.store(f.another(), row(), row()) },
				"delete a key":    func() { put(someKey(), &nats.Msg{Header: nats.Header{"KV-Operation": {"DEL"}}}) },
				"write garbage":   func() { put(someKey(), &nats.Msg{Data: []byte("garbage")}) },
				"forge": func() {
					put(someKey(), &nats.Msg{Data: []byte("garbage"), Header: nats.Header{"Saveris-Sequence": {fmt.Sprint(rng.IntN(100))}}})
				},
				"foreign key":   func() { put("a.b", &nats.Msg{Data: []byte("garbage")}) },
				"delete bucket": func() { _ = f.js.DeleteKeyValue(t.Context(), f.bucket) },
				"lose the tail": func() {
					of, err := f.js.Stream(t.Context(), name)
					f.check(err)
					for i := range uint64(3) { // event, index, record
						_ = of.DeleteMsg(t.Context(), of.CachedInfo().State.LastSeq-i)
					}
					f.writer = f.another()
				},
				"make the stream anew": func() { f.check(f.js.DeleteStream(t.Context(), name)); f.open() },
			}
			names := slices.Sorted(maps.Keys(deeds))
			f.keep(f.view())
			for range 15 {
				var done []string
				stop := f.keep(f.view())
				for range 1 + rng.IntN(6) {
					name := names[rng.IntN(len(names))]
					deeds[name]()
					done = append(done, name)
				}
				if rng.IntN(2) == 0 {
					stop()
				}
				f.awaitRight(fmt.Sprintf("after %q", done))
				stop()
			}
		})
	}
}

// TestFoldsAreOfWhatIsLeftAfterALoss has the broker forget what the bucket shows.
func TestFoldsAreOfWhatIsLeftAfterALoss(t *testing.T) {
	t.Parallel()
	f := newStage(t).folded(schema.Readings)
	f.impatient()
	f.keep(f.view())
	f.store(f.writer, f.reading("a 1 10", 1))
	f.awaitRight("at first")
	forget := f.remember()
	f.store(f.writer, f.reading("b 1 20", 2), f.reading("c 2 20", 2))
	f.awaitRight("before the loss")
	forget(func() {})
	f.awaitRight("after the loss")
	if is := f.value("1"); is != "1" {
		t.Errorf("shown is %q, want what is left", is)
	}
}

// TestWhatRetentionRemovesStaysShown has the stream drop what a silent channel and an open alarm are shown by.
func TestWhatRetentionRemovesStaysShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	readings, alarms := s.folded(schema.Readings), s.folded(schema.Alarms)
	readings.store(readings.writer, readings.reading("a 1 10", 1), readings.reading("b 2 10", 1))
	alarms.store(alarms.writer, alarms.alarm("a Alarm 1"))
	readings.takeOver()
	alarms.takeOver()
	for _, f := range []*folded{readings, alarms} {
		of, err := s.js.Stream(t.Context(), config.Names.Stream(f.feed))
		s.check(err)
		s.check(of.Purge(t.Context(), jetstream.WithPurgeSequence(of.CachedInfo().State.LastSeq)))
		f.writer = f.another()
	}
	readings.store(readings.writer, readings.reading("c 2 20", 2))
	readings.takeOver()
	if one, two := readings.value("1"), readings.value("2"); one != "1" || two != "2" {
		t.Errorf("shown are %q and %q, want the removed one and the new one", one, two)
	}
	alarms.takeOver()
	if len(alarms.is()) != 1 {
		t.Errorf("open are %v, want the removed one", alarms.is())
	}
	alarms.store(alarms.writer, alarms.alarm("b Ok 2"))
	alarms.takeOver()
	if len(alarms.is()) != 0 {
		t.Errorf("open are %v after the end", alarms.is())
	}
}

// TestABucketThatTakesNoBatchesHoldsUpNothing has it said once, and the view go on when the cause is gone.
func TestABucketThatTakesNoBatchesHoldsUpNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config jetstream.KeyValueConfig
		mend   func(*folded)
	}{
		"one of somebody else": {jetstream.KeyValueConfig{}, func(f *folded) { f.check(f.js.DeleteKeyValue(f.Context(), f.bucket)) }},
		"a full one": {jetstream.KeyValueConfig{MaxBytes: 100}, func(f *folded) {
			of, err := f.js.Stream(f.Context(), "KV_"+f.bucket)
			f.check(err)
			larger := of.CachedInfo().Config
			larger.MaxBytes = -1
			_, err = f.js.UpdateStream(f.Context(), larger)
			f.check(err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newStage(t).folded(schema.Readings)
			c.config.Bucket = f.bucket
			_, err := f.js.CreateKeyValue(t.Context(), c.config)
			f.check(err)
			if c.config.MaxBytes > 0 {
				of, err := f.js.Stream(t.Context(), "KV_"+f.bucket)
				f.check(err)
				batches := of.CachedInfo().Config
				batches.AllowAtomicPublish = true
				_, err = f.js.UpdateStream(t.Context(), batches)
				f.check(err)
			}
			o := &told{}
			view := f.view()
			view.OnWritable = o.say
			f.keep(view)
			f.store(f.writer, f.reading("a 1 10", 1), f.reading("b 2 10", 1))
			f.await("it to be said", func() bool { return len(o.list()) > 0 })
			f.store(f.writer, f.reading("c 1 20", 1))
			c.mend(f)
			f.awaitRight("when the cause has gone")
			f.await("that to be said", func() bool { return len(o.list()) > 1 })
			if said := o.list(); len(said) != 2 || said[0] == nil || said[1] != nil {
				t.Errorf("said %v, want it once and its end", said)
			}
		})
	}
}

// TestAnOlderReadingNeverWins has two bridges lead at once, in a bucket that keeps all that was ever written.
func TestAnOlderReadingNeverWins(t *testing.T) {
	t.Parallel()
	f := newStage(t).folded(schema.Readings)
	of, err := publish.MakeBatchBucket(t.Context(), f.js, config.LatestBucket())
	f.check(err)
	whole := of.CachedInfo().Config
	whole.MaxMsgsPerSubject = 64
	_, err = f.js.UpdateStream(t.Context(), whole)
	f.check(err)
	var led []*views.Fold
	for range 3 {
		led = append(led, views.NewLatest(f.dial(f.server.ClientURL()), config, time.Now))
		f.keep(led[len(led)-1])
	}
	for minute := range 40 {
		f.store(f.writer, f.reading(fmt.Sprintf("u%d 1 %d", minute, minute), minute), f.reading(fmt.Sprintf("late%d 1 %d", minute, minute-10), minute))
		for _, view := range led {
			view.Wake()
		}
	}
	f.awaitRight("in the end")
	newest, written := 0, 0
	for seq := uint64(1); ; seq++ {
		m, err := of.GetMsg(t.Context(), seq)
		if err != nil {
			break
		}
		shows, err := strconv.Atoi(m.Header.Get("Saveris-Sequence"))
		if written++; err != nil || shows <= newest {
			t.Errorf("sequence %d (%v) was written over %d", shows, err, newest)
		}
		newest = shows
	}
	t.Logf("written %d times", written)
}

// TestAKillAtAnyPointIsMadeRightByTheNext ends bridges in the middle of what they read and write.
func TestAKillAtAnyPointIsMadeRightByTheNext(t *testing.T) {
	t.Parallel()
	f := newStage(t).folded(schema.Readings)
	day := time.Now().UTC().Truncate(24 * time.Hour)
	f.base = day
	halves := 0
	for round := range 3 {
		var events []schema.Event
		for i := range 2500 {
			events = append(events, f.reading(fmt.Sprintf("u%d-%d s%d %d", round, i, i, round/2), round))
		}
		_, err := f.writer.Commit(t.Context(), checkpoint.DayOf(day), events, nil)
		f.check(err)
		ctx, kill := context.WithCancel(t.Context())
		left := rand.IntN(2500)
		writes, err := f.js.Conn().Subscribe("$KV."+f.bucket+".>", func(*nats.Msg) {
			if left--; left < 0 {
				kill()
			}
		})
		f.check(err)
		_ = f.view().Step(ctx) // it may have ended before
		kill()
		f.check(writes.Unsubscribe())
		if n := f.showing(round); 0 < n && n < 2500 {
			halves++
		}
		f.takeOver()
		if n := f.showing(round); n != 2500 {
			t.Fatalf("round %d: %d of 2500 channels show what was stored", round, n)
		}
	}
	t.Logf("killed %d times in the middle of writing", halves)
}

// showing is how many channels show a value.
func (f *folded) showing(value int) (n int) {
	f.Helper()
	source := checkpoint.NewStream(f.js, "KV_"+f.bucket, "", "")
	_ = source.LastOn(f.Context(), "$KV."+f.bucket+".>", func(e checkpoint.StoredEvent) error { // there may be none yet
		if strings.Contains(string(e.Data), fmt.Sprintf(`"value":%d,`, value)) {
			n++
		}
		return nil
	})
	return n
}

// TestTheEventsOfTheLastDaysAreFoundAmongABackfill stores today's readings between those of other days.
func TestTheEventsOfTheLastDaysAreFoundAmongABackfill(t *testing.T) {
	t.Parallel()
	f := newStage(t).folded(schema.Readings)
	source := checkpoint.NewStream(f.js, "SAVERIS_READINGS", "saveris", "readings")
	today := checkpoint.DayOf(f.base)
	for i := range 3 {
		var old []schema.Event
		for n := range 3000 {
			e := f.reading(fmt.Sprintf("old%d-%d 1 %d", i, n, -2*24*60), n)
			old = append(old, e)
		}
		_, err := f.writer.Commit(t.Context(), old[0].Day(), old, nil)
		f.check(err)
		f.store(f.writer, f.reading(fmt.Sprintf("new%d 1 0", i), i))
	}
	last, err := source.Last(t.Context())
	f.check(err)
	places, err := source.EventsOfDays(t.Context(), today, checkpoint.Since{}, last+1)
	f.check(err)
	if len(places) != 3 {
		t.Fatalf("places are %v, want three", places)
	}
	for i, at := range places {
		n := 0
		f.check(source.EventsOn(t.Context(), source.EventSubject(), checkpoint.Since{Seq: at.From}, at.Until, func(e checkpoint.StoredEvent) error {
			n++
			if s, err := schema.ReadStored(e.Header, e.Data); err != nil || s.ID != fmt.Sprint("new", i) {
				t.Errorf("place %d holds %q (%v)", i, s.ID, err)
			}
			return nil
		}))
		if n != 1 {
			t.Errorf("place %d holds %d events", i, n)
		}
	}
}

// TestAReadingThatIsAheadOfItsReceiptIsLeftOut whenever a view begins: by then its time may have come.
func TestAReadingThatIsAheadOfItsReceiptIsLeftOut(t *testing.T) {
	t.Parallel()
	f := newStage(t).folded(schema.Readings)
	f.store(f.writer, f.reading("a 1 10", 1), f.event("uuid", "b", "timestamp", f.at(120), "processed_at", f.at(0), "sensor_uuid", "s", "serial_no", "1", "channel_no", "1",
		"tenant_uuid", "t", "customer_site", "x", "physical_extension", "Air Temperature", "measurement", "2"))
	later := views.NewLatest(f.bridge, config, func() time.Time { return time.Now().Add(24 * time.Hour) })
	for name, view := range map[string]*views.Fold{"now": f.view(), "a day later": later} {
		f.check(view.Step(t.Context()))
		if is := f.value("1"); is != "1" {
			t.Errorf("%s %q is shown", name, is)
		}
	}
}
