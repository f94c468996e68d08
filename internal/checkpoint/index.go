package checkpoint

import (
	"context"
	"fmt"
	"runtime"

	"github.com/nats-io/nats.go"
)

// HeaderAgain is the header of an index message whose events are listed before: they had been removed, and were stored
// once more. Its entries say where they stand now and count for nothing else. Its value is their number.
const HeaderAgain = "Saveris-Repairs"

// listsAgain reports whether an index message has that header.
func listsAgain(header nats.Header) bool { return header.Get(HeaderAgain) != "" }

// index is what a stretch of a day's index holds.
type index struct {
	sum   tally  // of all messages
	ids   table  // of all entries
	first uint64 // sequence of the first message, 0 if there is none
	head  tally  // of the first message

	heap int // bytes of messages since the last collection
}

// again readies an index for another reading into the same memory.
func (x *index) again() { x.ids.clear(); *x = index{ids: x.ids} }

// maxReserve is for how many entries room is made on a record's word. A day of more grows like any other.
const maxReserve = 8 << 20

// maxGarbage is how many bytes of messages may lie about before they are collected.
const maxGarbage = 16 << 20

// index reads a day's index messages at these sequences, which hold so many rows if all is well.
func (s *Stream) index(ctx context.Context, day string, at Seqs, rows uint64, found *index) error {
	found.again()
	err := s.scan(ctx, at, []string{s.IndexSubject(day)}, false, func(m scanned) error {
		if !s.Own(m.StoredEvent) {
			return nil
		}
		if found.first == 0 {
			rows = min(rows, (m.pending+1)*maxTorn, maxReserve) // a record may count what retention has removed, or lie
			found.ids.reserve(int(rows + rows/20))              // the day goes on
		}
		return found.add(m.Data, listsAgain(m.Header), m.Seq)
	})
	if err != nil {
		return fmt.Errorf("read index %s.%s: %w", s.feed, day, err)
	}
	return nil
}

// add takes over an index message.
func (x *index) add(body []byte, again bool, seq uint64) error {
	if err := checkBody(body); err != nil {
		return fmt.Errorf("sequence %d: %w", seq, err)
	}
	x.collect(len(body))
	var own tally
	for ; len(body) > 0; body = body[EntrySize:] {
		e := Entry(body[:EntrySize])
		x.ids.put(e)
		if again {
			own.again++
		} else {
			own = own.with(e)
		}
	}
	if x.sum = x.sum.plus(own); x.first == 0 {
		x.first, x.head = seq, own
	}
	return nil
}

// collect has the runtime collect what many messages have left behind. By itself it waits until that is as much as all
// else, and here the table is most of that: a big day would take twice its size.
func (x *index) collect(n int) {
	if x.heap += n; x.heap >= maxGarbage {
		x.heap = 0
		runtime.GC()
	}
}
