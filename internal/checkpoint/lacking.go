package checkpoint

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/schema"
)

// Lacking is an event that the index lists and the stream does not hold: somebody has removed it, or the broker has lost it.
type Lacking struct {
	Entry Entry
	Seq   uint64 // where it should stand
}

// Lacking returns the events of a day that its index lists and the stream does not hold, under whatever sequence, in the order
// of the index. What retention has removed with the beginning of the stream is none of them. It fails with ErrIndex where
// index and record contradict each other.
func (s *Stream) Lacking(ctx context.Context, day string) ([]Lacking, error) {
	state, limited, err := s.holes(ctx)
	if err != nil || len(state.Deleted) == 0 && (limited || state.FirstSeq <= 1) {
		return nil, err
	}
	l, err := s.Listing(ctx, day)
	if err != nil {
		return nil, err
	}
	if len(l.Faults) > 0 {
		return nil, fmt.Errorf("page %s.%s: %w: %s", s.feed, day, ErrIndex, l.Faults[0])
	}
	found := make([]bool, len(l.Entries))
	for i := range found { // what was stored after the holes were listed is there
		seq := l.Sequence(i)
		_, hole := slices.BinarySearch(state.Deleted, seq)
		found[i] = seq >= state.FirstSeq && !hole
	}
	var lacking []Lacking
	for _, i := range l.Lost(found) {
		if seq := l.Sequence(i); !limited || seq >= state.FirstSeq {
			lacking = append(lacking, Lacking{l.Entries[i], seq})
		}
	}
	return lacking, nil
}

// holes returns the state of the stream with the sequences of messages that were removed behind its first one, sorted, and
// whether it has limits, so that its beginning may have been removed by retention.
func (s *Stream) holes(ctx context.Context) (state jetstream.StreamState, limited bool, err error) {
	info, err := jsapi.StreamInfo(ctx, s.caller(), s.name, jsapi.InfoRequest{DeletedDetails: true})
	if err != nil {
		return state, false, fmt.Errorf("list what was removed from stream %s: %w", s.name, err)
	}
	slices.Sort(info.State.Deleted)
	return info.State, Limited(info.Config), nil
}

// Limited reports whether retention may remove the beginning of a stream: nothing else but people does where there is none.
func Limited(c jetstream.StreamConfig) bool {
	return c.MaxAge > 0 || c.MaxBytes > 0 || c.MaxMsgs > 0 || c.MaxMsgsPerSubject > 0
}

// Again picks those events of a reading that a page lists and the stream lacks, in their order, each once. Of a row whose
// content has changed that is its correction, if that one is lacking. What is lacking under the id of a row but with other
// content cannot be had any more: altered is called with it and the row's id, and may be nil.
func Again(events []schema.Event, lacking []Lacking, altered func(Lacking, string)) News {
	lost := make(map[[12]byte]Lacking, len(lacking))
	for _, l := range lacking {
		lost[[12]byte(l.Entry[:12])] = l
	}
	news := News{Again: true}
	take := func(event schema.Event) {
		entry := NewEntry(event.ID, event.Check)
		l, is := lost[[12]byte(entry[:12])]
		switch {
		case is && l.Entry == entry:
			delete(lost, [12]byte(entry[:12]))
			news.Events, news.Entries = append(news.Events, event), append(news.Entries, entry)
		case is && altered != nil:
			altered(l, event.ID)
		}
	}
	for i := range events {
		take(events[i])
		take(events[i].Revise())
	}
	return news
}
