package checkpoint

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/schema"
)

// Torn is a batch whose end the broker has lost: events without their index, or an index without its record.
type Torn struct {
	Last   uint64        // sequence of the stream's last message
	End    StoredEvent   // the last message that is there of it
	Events []TornMessage // in the order of the stream; empty if the index is there
	Index  []Entry       // of the index that is there
	Day    string        // of that index
	Again  bool          // that index lists what was listed before
}

// TornMessage is a stored event.
type TornMessage struct {
	Header nats.Header
	Data   []byte
}

// maxTorn bounds the search for events: a batch has no more messages.
const maxTorn = 1000

// Torn looks at the stream's end, and returns nil where nothing is torn there, with the sequence of its last message.
//
// What is somebody else's is passed over, and never finished. An index is ours if its header and its body agree. An event is
// ours if it reads as one and stands in an atomic batch of one day that has not been committed: the server stores no message of
// a batch without its end, so only the loss of a tail leaves one. Somebody else's batch ends in a message that commits it, and
// what is published alone is in no batch. Only a stream that was made from another one, by sourcing or as its mirror, has lost
// these headers: its newest index lacks them too, and then an event has to read as one and no more.
//
// Events that have anything behind them cannot be listed any more, since an index lists what stands right before it. They are
// named, and their rows will be stored again.
func (b *Book) Torn(ctx context.Context) (torn *Torn, last uint64, err error) {
	last, err = b.stream.Last(ctx)
	if err != nil || last == 0 {
		return nil, last, err
	}
	end := &tail{stream: b.stream, last: last}
	for seq := last; seq > 0 && last-seq < maxTorn; seq-- {
		m, err := b.stream.message(ctx, map[string]any{"seq": seq})
		if err != nil {
			return nil, last, fmt.Errorf("look at the end of stream %s: %w", b.stream.name, err)
		}
		kind, _ := b.stream.kindOf(m.Subject)
		if kind == "event" {
			more, err := end.takes(ctx, m)
			if err != nil {
				return nil, last, err
			}
			if more {
				continue
			}
		}
		if len(end.events) > 0 {
			break
		}
		switch {
		case kind == "record" && b.stream.Own(m):
			return nil, last, nil
		case kind == "index" && b.stream.Own(m):
			torn, err = b.unrecorded(m, last)
			return torn, last, err
		}
	}
	if len(end.events) == 0 && last > maxTorn {
		torn, err = b.tornBefore(ctx, last)
		return torn, last, err
	}
	return end.torn(), last, nil
}

// tornBefore returns the newest index of a stream that ends with more of others' messages than are looked at, if no record follows it.
func (b *Book) tornBefore(ctx context.Context, last uint64) (*Torn, error) {
	index, _, err := b.stream.newest(ctx, b.stream.IndexSubject(">"))
	if err != nil || index.Seq == 0 {
		return nil, err
	}
	record, _, err := b.stream.newest(ctx, b.stream.RecordSubject(">"))
	if err != nil || record.Seq > index.Seq {
		return nil, err
	}
	return b.unrecorded(index, last)
}

// unrecorded returns the torn batch of an index that no record follows.
func (b *Book) unrecorded(index StoredEvent, last uint64) (torn *Torn, err error) {
	_, day := b.stream.kindOf(index.Subject)
	torn = &Torn{Last: last, End: index, Day: day, Again: listsAgain(index.Header)}
	torn.Index, err = Entries(index.Data)
	return torn, err
}

// PassTorn reports a torn batch that cannot be finished, and why.
func (b *Book) PassTorn(t *Torn, why error) {
	b.stream.pass(ForeignMessage{t.End.Seq, t.End.Subject, "the broker has lost the end of its batch, which cannot be finished: " + why.Error()})
}

// tail is what the end of a stream holds of a torn batch, read backwards.
type tail struct {
	stream  *Stream
	last    uint64
	events  []StoredEvent
	day     string
	batches map[string]bool // ids of batches that were committed
	copied  *bool           // the stream is a copy without the headers of batches
}

// takes takes an event over if it belongs to the torn batch, and reports whether it did.
func (t *tail) takes(ctx context.Context, m StoredEvent) (bool, error) {
	event, err := schema.ReadStored(m.Header, m.Data)
	if err != nil {
		t.stream.Own(m)
		return false, nil
	}
	if len(t.events) > 0 {
		follows := t.events[len(t.events)-1]
		if event.Day() != t.day || follows.Seq != m.Seq+1 || batchOf(follows) != batchOf(m) || batchSequenceOf(follows) > 0 && batchSequenceOf(follows) != batchSequenceOf(m)+1 {
			return false, nil
		}
	} else if unfinished, err := t.unfinished(ctx, m); err != nil || !unfinished {
		if err == nil {
			t.stream.pass(ForeignMessage{m.Seq, m.Subject, unindexed})
		}
		return false, err
	}
	t.events, t.day = append(t.events, m), event.Day()
	return true, nil
}

// unfinished reports whether an event stands in a batch that has not been committed.
func (t *tail) unfinished(ctx context.Context, m StoredEvent) (is bool, err error) {
	id := batchOf(m)
	switch {
	case m.Header.Get("Nats-Batch-Commit") != "":
		if t.batches == nil {
			t.batches = map[string]bool{}
		}
		t.batches[id] = true
		return false, nil
	case id != "":
		return !t.batches[id], nil
	case t.copied == nil:
		index, _, err := t.stream.newest(ctx, t.stream.IndexSubject(">"))
		if err != nil {
			return false, err
		}
		copied := index.Seq > 0 && batchOf(index) == ""
		t.copied = &copied
	}
	return *t.copied, nil
}

// torn is the batch to be finished, nil where there is none.
func (t *tail) torn() *Torn {
	if len(t.events) == 0 {
		return nil
	}
	if newest := t.events[0]; newest.Seq != t.last {
		t.stream.pass(ForeignMessage{newest.Seq, newest.Subject, fmt.Sprintf(
			"the broker has lost the end of its batch, and something else stands behind it: its %d events are stored again", len(t.events))})
		return nil
	}
	torn := &Torn{Last: t.last, End: t.events[0]}
	for _, m := range slices.Backward(t.events) {
		torn.Events = append(torn.Events, TornMessage{m.Header, m.Data})
	}
	return torn
}

func batchOf(m StoredEvent) string { return m.Header.Get("Nats-Batch-Id") }

// batchSequenceOf is a message's sequence in its batch, 0 where it does not say.
func batchSequenceOf(m StoredEvent) uint64 {
	n, _ := strconv.ParseUint(m.Header.Get("Nats-Batch-Sequence"), 10, 64)
	return n
}

// kindOf returns whether a subject is that of an event, an index message or a record; "" is none of them.
func (s *Stream) kindOf(subject string) (kind, day string) {
	if day, found := strings.CutPrefix(subject, s.IndexSubject("")); found {
		return "index", day
	}
	if day, found := strings.CutPrefix(subject, s.RecordSubject("")); found {
		return "record", day
	}
	if strings.HasPrefix(subject, s.prefix+"."+s.feed+".") || subject == s.prefix+".rejected."+s.feed {
		return "event", ""
	}
	return "", ""
}
