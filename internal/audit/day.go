package audit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// sample is a reading in sixteen bytes: a day may have millions of them.
type sample struct {
	value   float64 // NaN for none
	channel uint32  // index, or nobody
	at      uint32  // milliseconds since the day began, twice, and one more if it is late
}

// nobody is the channel of a sample that is none.
const nobody = math.MaxUint32

func (s sample) millis() int64 { return int64(s.at >> 1) }
func (s sample) late() bool    { return s.at&1 != 0 }

// day is a page of readings that is being read.
type day struct {
	span    checkpoint.Span // the whole day
	list    *checkpoint.Listing
	late    []checkpoint.LateBatch
	samples []sample // of the entries of the index
	revised []revision
}

// revision is a correction and the id that it revises.
type revision struct {
	entry int
	base  [12]byte
}

// fetched is a page of readings that a goroutine reads ahead of the sums.
type fetched struct {
	turn   chan struct{} // closed once the days before it have been taken over
	listed chan struct{} // closed once the day, or the error, is there
	events chan []listed // once it is listed; closed at the end
	day    *day
	err    error // to be looked at once events is closed
}

// listed is an event and the entries that list it.
type listed struct {
	checkpoint.StoredEvent
	entries []int
}

// atOnce is how many events are handed on at once, and waiting how many of those may wait. A day of at most ahead events is read while
// the one before it is summed up: all of them may wait. A bigger one waits for its turn, since the server drops a consumer that
// asks for nothing for a minute, and two of them would take twice the memory.
const (
	atOnce  = 256
	waiting = 8
	ahead   = 16_384
)

// fetch begins to read a UTC day.
func (a *auditor) fetch(ctx context.Context, name string) *fetched {
	f := &fetched{turn: make(chan struct{}), listed: make(chan struct{})}
	a.readers.Go(func() {
		f.day, f.err = a.list(ctx, name)
		room := waiting
		if f.small() {
			room = ahead/atOnce + 1
		}
		f.events = make(chan []listed, room)
		close(f.listed)
		defer close(f.events)
		if f.err == nil && !f.small() {
			f.err = f.awaitTurn(ctx)
		}
		if f.err == nil {
			f.err = a.fetchEvents(ctx, f.day.list, f.events)
		}
	})
	return f
}

// small reports, of a day that is listed, whether all of its events may wait.
func (f *fetched) small() bool { return f.day != nil && len(f.day.list.Entries) <= ahead }

func (f *fetched) awaitTurn(ctx context.Context) error {
	select {
	case <-f.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// list reads what a day holds.
func (a *auditor) list(ctx context.Context, name string) (*day, error) {
	d := &day{}
	var err error
	if d.span, err = checkpoint.DaySpan(name); err != nil {
		return nil, err
	}
	if d.list, err = a.config.Readings.Listing(ctx, name); err != nil {
		return nil, err
	}
	if d.list.Record.Late > 0 {
		d.late, err = a.config.Readings.LateBatches(ctx, name)
	}
	return d, err
}

// fetchEvents reads the events that an index lists, each once and in the order of the index.
func (a *auditor) fetchEvents(ctx context.Context, list *checkpoint.Listing, to chan<- []listed) error {
	var next []listed
	send := func() error {
		select {
		case to <- next:
			next = make([]listed, 0, atOnce)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, run := range list.Runs() {
		if run.From = max(run.From, list.Oldest); run.From >= run.Until {
			continue
		}
		err := a.config.Readings.Events(ctx, run, func(e checkpoint.StoredEvent) error {
			if at := list.At(e.Seq); len(at) > 0 {
				next = append(next, listed{e, at})
			}
			if len(next) < atOnce {
				return nil
			}
			return send()
		})
		if err != nil {
			return err
		}
	}
	return send()
}

// readDay takes over the readings of a day.
func (a *auditor) readDay(f *fetched) (*day, error) {
	<-f.listed
	if f.day != nil {
		f.day.samples = make([]sample, len(f.day.list.Entries))
		for i := range f.day.samples {
			f.day.samples[i].channel = nobody
		}
	}
	for events := range f.events {
		for _, e := range events {
			for _, i := range e.entries {
				a.take(f.day, i, e.StoredEvent)
			}
		}
	}
	return f.day, f.err
}

// take takes an event over as the one that an entry lists.
func (a *auditor) take(d *day, i int, e checkpoint.StoredEvent) {
	r, err := a.reader.Read(e.Header, e.Data)
	if err != nil || r.MeasuredAt.Before(d.span.From) || !r.MeasuredAt.Before(d.span.Until) {
		return // it counts as lost
	}
	c := a.channelOf(&r)
	s := sample{channel: c.index, value: math.NaN(), at: uint32(r.MeasuredAt.Sub(d.span.From).Milliseconds()) << 1}
	if value, err := strconv.ParseFloat(r.Value, 64); err == nil {
		s.value = c.inUnit(value, r.Unit)
	}
	if r.Revises != "" {
		sum := sha256.Sum256([]byte(r.Revises))
		d.revised = append(d.revised, revision{i, [12]byte(sum[:12])})
	} else if d.isLate(e.Seq, &r) {
		s.at |= 1
	}
	d.samples[i] = s
}

func (d *day) isLate(seq uint64, r *schema.StoredReading) bool {
	n := sort.Search(len(d.late), func(i int) bool { return d.late[i].Until > seq })
	if n == len(d.late) || seq < d.late[n].From {
		return false
	}
	arrival := r.Received
	if arrival.IsZero() {
		arrival = r.Recorded
	}
	return d.late[n].IsLate(r.MeasuredAt, arrival)
}

// correct lets the correction of a reading that was stored last take its place, and returns how many corrections there are.
func (d *day) correct() int {
	if len(d.revised) == 0 {
		return 0
	}
	last := map[[12]byte]int{} // entry of the correction that counts
	for _, r := range d.revised {
		if before, some := last[r.base]; some {
			d.samples[before].channel = nobody
		}
		last[r.base] = r.entry
	}
	for i, e := range d.list.Entries {
		if by, some := last[[12]byte(e[:12])]; some && d.samples[i].channel != nobody {
			d.samples[by].at |= d.samples[i].at & 1
			d.samples[i].channel = nobody
		}
	}
	return len(d.revised)
}

// byChannel returns the samples of each channel in the order of time, and where those of a channel begin; what is stored last of one
// moment stands last. The listing and the samples are let go.
func (d *day) byChannel(channels int) (sorted []sample, begin []int) {
	begin = make([]int, channels+1)
	for _, s := range d.samples {
		if s.channel != nobody {
			begin[s.channel+1]++
		}
	}
	for i := range channels {
		begin[i+1] += begin[i]
	}
	d.list = nil
	sorted = make([]sample, begin[channels])
	next := slices.Clone(begin)
	for _, s := range d.samples {
		if s.channel != nobody {
			sorted[next[s.channel]] = s
			next[s.channel]++
		}
	}
	d.samples = nil
	for i := range channels {
		slices.SortStableFunc(sorted[begin[i]:begin[i+1]], func(x, y sample) int { return cmp.Compare(x.millis(), y.millis()) })
	}
	return sorted, begin
}

// close makes the rows of a day out of its samples and adds them to the table, unless the day lies before the range.
func (a *auditor) close(d *day) error {
	midnight, until := d.span.From.UnixMilli(), d.span.Until.UnixMilli()
	last := !d.span.Until.Before(a.config.Span.Until)
	if last {
		until = a.config.Span.Until.UnixMilli()
	}
	sorted, begin := d.byChannel(len(a.channels))
	rows := make([]row, len(a.channels))
	for i, c := range a.channels {
		rows[i] = a.rowOf(c, midnight, until, last, sorted[begin[i]:begin[i+1]])
	}
	if d.span.Until.After(a.config.Span.From) {
		for i := range rows {
			a.channels[i].add(&rows[i])
			a.report.Missing += uint64(rows[i].Missing)
		}
		return a.report.table.add(rows)
	}
	return nil
}

// rowOf sums up a channel's day. Times are milliseconds since 1970.
func (a *auditor) rowOf(c *channel, midnight, until int64, last bool, samples []sample) (r row) {
	from, end := a.config.Span.From.UnixMilli(), a.config.Span.Until.UnixMilli()
	n := counting{from: from, end: a.dueUntil}
	cycle := c.cycleOf(midnight, until, samples, &r)
	begin := max(midnight, from)
	on := c.firstOn(begin, min(until, a.dueUntil))
	if c.slots.next == 0 {
		if first := c.dueFrom(begin, until); first != never && cycle(first).cycle > 0 {
			c.slots = slots{next: first, loose: true}
		}
	}
	var all sums
	for i, s := range samples {
		at := midnight + s.millis()
		if at >= end {
			break
		}
		c.slots.read(at, cycle, &n)
		if at < from {
			c.expected = true
			continue
		}
		if r.Stored++; r.First == 0 {
			r.First = at
		}
		if r.Last = at; s.late() {
			r.Late++
		}
		if i+1 < len(samples) && samples[i+1].millis() == s.millis() {
			continue // the same moment once more
		}
		all.add(s.value, c.kelvin(s.value))
		stands := cycle(at).cycle
		if i+1 < len(samples) {
			stands = min(stands, midnight+samples[i+1].millis()-at)
		}
		c.judge(at, stands, s.value, &r)
	}
	c.slots.close(until, last, cycle, &n)
	r.Due, r.Missing = n.due, n.missing
	r.N, r.Least, r.Most, r.Total, r.Kinetic = all.n, all.least, all.most, all.total, all.kinetic
	if c.temperature() {
		r.Known |= isTemperature
	}
	if r.Stored > 0 {
		c.expected = true
	}
	if begin < min(until, a.dueUntil) && (on != never || c.expected && c.period(begin) < 0) {
		r.Known |= isActive
	}
	return r
}

// dueFrom returns the moment of a half-open time from which a reading is due although there was none yet.
func (c *channel) dueFrom(begin, until int64) int64 {
	if c.expected && c.period(begin) < 0 {
		return begin
	}
	return c.firstOn(begin, until)
}

// cycleOf returns what is in force at a time, and notes the cycle of a day in the day's row: where the inventory does not know it, the
// most frequent distance of readings.
func (c *channel) cycleOf(midnight, until int64, samples []sample, r *row) func(at int64) state {
	usual := int64(0) // where the inventory knows nothing
	if r.Cycle, r.Basis = c.at(until-1).cycle, fromInventory; r.Cycle == 0 || c.period(midnight) < 0 {
		usual = c.fromReadings(samples)
	}
	if r.Cycle == 0 {
		r.Cycle, r.Basis = usual, fromReadings
	}
	if r.Cycle == 0 {
		r.Basis = noBasis
	}
	usual = cmp.Or(usual, r.Cycle)
	return func(at int64) state {
		s := c.at(at)
		s.cycle = cmp.Or(s.cycle, usual)
		return s
	}
}

// fromReadings returns the distance between readings of a day that is most frequent, in milliseconds; where there are few, that of a
// day before.
func (c *channel) fromReadings(samples []sample) int64 {
	times := make([]int64, len(samples))
	for i, s := range samples {
		times[i] = s.millis()
	}
	const enough = 3 // of the same distance, to believe a day rather than the days before
	if distance, n := mostFrequent(times); n >= enough || c.cycle == 0 {
		c.cycle = distance
	}
	return c.cycle
}

// judge adds the time that a value stands for to what lies outside of the limits.
func (c *channel) judge(at, stands int64, value float64, r *row) {
	limits := c.limitsAt(at)
	if limits == nil || r.Cycle == 0 {
		return
	}
	if limits.LowerWarning != nil || limits.UpperWarning != nil {
		if r.Known |= knownWarning; outside(value, limits.LowerWarning, limits.UpperWarning) {
			r.Warning += float64(stands)
		}
	}
	if limits.LowerAlarm != nil || limits.UpperAlarm != nil {
		if r.Known |= knownAlarm; outside(value, limits.LowerAlarm, limits.UpperAlarm) {
			r.Alarm += float64(stands)
		}
	}
}

// faults returns what a page says of itself that is not well.
func (d *day) faults(name string) (list []string) {
	for _, fault := range d.list.Faults {
		list = append(list, fmt.Sprintf("readings of %s: %s", name, fault))
	}
	found := make([]bool, len(d.samples))
	for i, s := range d.samples {
		found[i] = s.channel != nobody
	}
	lost, removed := uint64(0), d.list.Removed
	for _, i := range d.list.Lost(found) {
		if d.list.Sequence(i) < d.list.Oldest {
			removed++
			continue
		}
		lost++
	}
	if lost > 0 {
		list = append(list, fmt.Sprintf("readings of %s: the index lists %d events that are not there as readings of this day; bridge backfill --repair puts back what was removed", name, lost))
	}
	if removed > 0 {
		list = append(list, fmt.Sprintf("readings of %s: retention has removed %d events", name, removed))
	}
	return list
}
