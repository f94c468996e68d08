package checkpoint

import (
	"context"
	"fmt"
	"slices"
	"time"

	"saveris-bridge/internal/sleep"
)

// Listing is a day's index as it stands in the stream, with its record, whether they agree or not.
type Listing struct {
	Record  Record // a zero Version says that the day has none
	Seq     uint64 // of the record
	Entries []Entry
	Removed uint64   // events that the record counts and retention has removed with their index
	Oldest  uint64   // sequence of the stream's first message: what stood before it was removed by retention
	Faults  []string // where index and record contradict themselves or each other

	stretches []stretch
}

// stretch is what one index message lists.
type stretch struct {
	Seqs
	at    int // of the first entry in Entries
	again bool
}

func (l *Listing) tally(s stretch) tally { return tallyOf(l.Entries[s.at:s.at+int(s.Len())], s.again) }

// Runs returns the sequences of all listed events, in pieces that are worth reading at once: what lies between two events of
// one piece is not listed. Pieces are in the order of the index.
func (l *Listing) Runs() (runs []Seqs) {
	for _, s := range l.stretches {
		if n := len(runs); n > 0 && s.From >= runs[n-1].Until && s.From-runs[n-1].Until <= maxTorn {
			runs[n-1].Until = s.Until
			continue
		}
		runs = append(runs, s.Seqs)
	}
	return runs
}

// At returns the entries, as positions in Entries, that list the event at a sequence: one, unless somebody has tampered.
func (l *Listing) At(seq uint64) (at []int) {
	i, _ := slices.BinarySearchFunc(l.stretches, seq, func(s stretch, seq uint64) int {
		if s.Until <= seq {
			return -1
		}
		return 1
	})
	for ; i < len(l.stretches) && l.stretches[i].Until <= seq+maxTorn; i++ {
		if s := l.stretches[i]; s.From <= seq && seq < s.Until {
			at = append(at, s.at+int(seq-s.From))
		}
	}
	return at
}

// Sequence is where the event of an entry stands.
func (l *Listing) Sequence(i int) uint64 {
	n, found := slices.BinarySearchFunc(l.stretches, i, func(s stretch, i int) int { return s.at - i })
	if !found {
		n--
	}
	return l.stretches[n].From + uint64(i-l.stretches[n].at)
}

// Listing reads a day's index and record. It fails only where they cannot be read.
func (s *Stream) Listing(ctx context.Context, day string) (l *Listing, err error) {
	for _, pause := range [...]time.Duration{0, 100 * time.Millisecond, time.Second} { // a replica may lag
		if err = sleep.For(ctx, pause); err == nil {
			l, err = s.listing(ctx, day)
		}
		if err != nil || len(l.Faults) == 0 {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read page %s.%s: %w", s.feed, day, err)
	}
	return l, nil
}

func (s *Stream) listing(ctx context.Context, day string) (*Listing, error) {
	p, err := s.lastRecord(ctx, day)
	if err != nil {
		return nil, err
	}
	record, seq := p.Record, p.Seq
	state, err := s.state(ctx)
	if err != nil || seq == 0 {
		return &Listing{Oldest: state.FirstSeq}, err
	}
	l := &Listing{Record: record, Seq: seq, Oldest: state.FirstSeq, Entries: make([]Entry, 0, min(record.Rows, state.Msgs))}
	err = s.scan(ctx, Seqs{state.FirstSeq, seq}, []string{s.IndexSubject(day)}, false, func(m scanned) error {
		if s.Own(m.StoredEvent) {
			return l.add(m.StoredEvent)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, s.prove(ctx, l)
}

// add takes over an index message.
func (l *Listing) add(m StoredEvent) error {
	entries, err := Entries(m.Data)
	if err != nil {
		return fmt.Errorf("sequence %d: %w", m.Seq, err)
	}
	n := uint64(len(entries))
	l.stretches = append(l.stretches, stretch{Seqs{m.Seq - n, m.Seq}, len(l.Entries), listsAgain(m.Header)})
	l.Entries = append(l.Entries, entries...)
	return nil
}

// prove holds the index against the record.
func (s *Stream) prove(ctx context.Context, l *Listing) error {
	var listed, head tally
	var first uint64
	for i, stretch := range l.stretches {
		own := l.tally(stretch)
		if listed = listed.plus(own); i == 0 {
			first, head = stretch.Until, own
		}
	}
	if listed == l.Record.tally() {
		return nil
	}
	before, err := NewBook(s).left(ctx, l.Record.Day, first, head)
	if err != nil {
		return err
	}
	if l.Oldest > 1 && before.rows+before.again > 0 && before.plus(listed) == l.Record.tally() {
		l.Removed = before.rows
		return nil
	}
	l.Faults = append(l.Faults, fmt.Sprintf("the index lists %d events with digest %s, the record at sequence %d counts %d with %s",
		listed.rows, listed.digest, l.Seq, l.Record.Rows, l.Record.Digest))
	return nil
}

// Lost returns the positions in Entries of the events that have not been found, in their order; found has for each position
// whether there is an event. One that has been stored once more and is found under another position is not lost, and one
// that is not gets the last of its positions.
func (l *Listing) Lost(found []bool) (lost []int) {
	last := map[[12]byte]int{}
	for i, is := range found {
		if !is {
			last[[12]byte(l.Entries[i][:12])] = i
		}
	}
	if len(last) == 0 {
		return nil
	}
	for i, is := range found {
		if is {
			delete(last, [12]byte(l.Entries[i][:12]))
		}
	}
	for _, i := range last {
		lost = append(lost, i)
	}
	slices.Sort(lost)
	return lost
}
