package checkpoint

import (
	"context"
	"fmt"
	"runtime"

	"github.com/nats-io/nats.go/jetstream"
)

// index is what a stretch of a day's index holds.
type index struct {
	sum   tally   // of all entries
	ids   table   // of all entries
	first uint64  // sequence of the first message, 0 if there is none
	head  []Entry // entries of the first message

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
	err := s.scan(ctx, at, []string{s.IndexSubject(day)}, false, func(m jetstream.Msg, seq uint64) error {
		if found.first == 0 {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			rows = min(rows, (meta.NumPending+1)*maxTorn, maxReserve) // a record may count what retention has removed, or lie
			found.ids.reserve(int(rows + rows/20))                    // the day goes on
		}
		return found.add(m.Data(), seq)
	})
	if err != nil {
		return fmt.Errorf("read index %s.%s: %w", s.feed, day, err)
	}
	return nil
}

// add takes over an index message.
func (x *index) add(body []byte, seq uint64) error {
	if err := checkBody(body); err != nil {
		return fmt.Errorf("sequence %d: %w", seq, err)
	}
	if x.first == 0 {
		x.first = seq
		x.head, _ = Entries(body)
	}
	x.collect(len(body))
	for ; len(body) > 0; body = body[EntrySize:] {
		e := Entry(body[:EntrySize])
		x.sum = x.sum.with(e)
		x.ids.put(e)
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
