package checkpoint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

// Torn is a batch whose end the broker has lost: events without their index, or an index without its record.
type Torn struct {
	Last   uint64        // sequence of the stream's last message
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

// maxTorn bounds the search: a batch has no more messages.
const maxTorn = 1000

// Torn looks at the stream's end. It gives nil where the last message is a record, or none of this feed's.
func (b *Book) Torn(ctx context.Context) (*Torn, error) {
	last, err := b.stream.last(ctx)
	if err != nil || last == 0 {
		return nil, err
	}
	torn := &Torn{Last: last}
	for seq := last; seq > 0 && last-seq < maxTorn; seq-- {
		m, err := b.stream.message(ctx, map[string]any{"seq": seq})
		if err != nil {
			return nil, fmt.Errorf("look at the end of stream %s: %w", b.stream.name, err)
		}
		kind, day := b.stream.kindOf(m.subject)
		if kind == "index" && seq == last {
			torn.Day, torn.Again = day, listsAgain(m.header)
			torn.Index, err = Entries(m.data)
			return torn, err
		}
		if kind != "event" { // the end of the last whole batch, or something that is not ours
			break
		}
		torn.Events = append(torn.Events, TornMessage{m.header, m.data})
	}
	if len(torn.Events) == 0 {
		return nil, nil
	}
	slices.Reverse(torn.Events)
	return torn, nil
}

// kindOf tells events, index messages and records apart by their subject; "" is none of them.
func (s *Stream) kindOf(subject string) (kind, day string) {
	if day, found := strings.CutPrefix(subject, s.IndexSubject("")); found {
		return "index", day
	}
	if strings.HasPrefix(subject, s.RecordSubject("")) {
		return "record", ""
	}
	if strings.HasPrefix(subject, s.prefix+"."+s.feed+".") || subject == s.prefix+".rejected."+s.feed {
		return "event", ""
	}
	return "", ""
}
