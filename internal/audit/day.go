package audit

import (
	"cmp"
	"context"
	"crypto/sha256"
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
