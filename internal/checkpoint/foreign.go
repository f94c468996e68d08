package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/schema"
)

// ForeignMessage is somebody else's message in a feed's stream: on a subject of the feed, but neither event, index nor record of a
// bridge. Whoever reads the stream passes it over; it stands in nobody's way.
type ForeignMessage struct {
	Seq     uint64
	Subject string
	Why     string // what is wrong with it
}

// Own reports whether a message is a bridge's. One on a subject of the feed that is not, is passed over, and OnForeign is called.
func (s *Stream) Own(m StoredEvent) bool {
	why := s.foreign(m)
	if why != "" {
		s.pass(ForeignMessage{m.Seq, m.Subject, why})
	}
	return why == ""
}

func (s *Stream) pass(f ForeignMessage) {
	if s.OnForeign != nil {
		s.OnForeign(f)
	}
}

// foreign returns why a message on a subject of the feed is none of a bridge's, "" where it is one. A record of a version that
// this bridge does not know is one: it must not be passed over.
func (s *Stream) foreign(m StoredEvent) string {
	switch kind, day := s.kindOf(m.Subject); kind {
	case "event":
		_, err := schema.ReadStored(m.Header, m.Data)
		switch schema.Feed(s.feed) {
		case schema.Devices:
			_, err = schema.ReadFleetChange(m.Subject, m.Header, m.Data)
		case schema.Health:
			_, err = schema.ReadSilence(m.Subject, m.Header, m.Data)
		}
		if err != nil {
			return "it is no event of the bridge: " + err.Error()
		}
	case "index":
		return foreignIndex(m.Header, uint64(len(m.Data)), m.Seq)
	case "record":
		return s.foreignRecord(day, m.Data)
	}
	return ""
}

// foreignIndex judges an index message by its headers and its size.
func foreignIndex(header nats.Header, size, seq uint64) string {
	n := size / EntrySize
	switch said := header.Get("Saveris-Events"); {
	case size == 0 || size%EntrySize != 0:
		return fmt.Sprintf("it is no index of the bridge: its body has %d bytes, expected a multiple of %d", size, EntrySize)
	case said != strconv.FormatUint(n, 10):
		return fmt.Sprintf("it is no index of the bridge: it has %d entries, its header Saveris-Events says %q", n, said)
	case n >= seq || n > maxTorn:
		return fmt.Sprintf("it is no index of the bridge: it lists %d events, more than can stand before it", n)
	}
	return ""
}

func (s *Stream) foreignRecord(day string, data []byte) string {
	const no = "it is no record of the bridge: "
	var r struct {
		Version          int
		Feed, Day, Batch string
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return no + err.Error()
	}
	if r.Version < 1 || r.Feed != s.feed || r.Day != day || r.Batch == "" {
		return no + fmt.Sprintf("it speaks of %q.%q, version %d, batch %q", r.Feed, r.Day, r.Version, r.Batch)
	}
	if r.Version > Version {
		return ""
	}
	if _, err := ParseRecord(data); err != nil {
		return no + err.Error()
	}
	return ""
}

// newest reads the newest of the bridge's messages on a subject, which may have wildcards, without a seq where there is none.
// Last is the sequence of the last message there, whosever it is.
func (s *Stream) newest(ctx context.Context, subject string) (m StoredEvent, last uint64, err error) {
	m, err = s.message(ctx, map[string]any{"last_by_subj": subject})
	if last = m.Seq; err != nil || last == 0 || s.Own(m) {
		return m, last, err
	}
	const first, wider = 1000, 8 // an own one may be near, or very far away
	for until, width := last, uint64(first); until > 1; width *= wider {
		at := Seqs{until - min(width, until-1), until}
		m = StoredEvent{}
		err := s.scan(ctx, at, []string{subject}, false, func(next scanned) error {
			if s.Own(next.StoredEvent) {
				m = next.StoredEvent
			}
			return nil
		})
		if err != nil || m.Seq > 0 {
			return m, last, err
		}
		until = at.From
	}
	return StoredEvent{}, last, nil
}

// next reads the first of the bridge's messages on a subject from a sequence on, without a seq where there is none.
func (s *Stream) next(ctx context.Context, subject string, from uint64) (StoredEvent, error) {
	for {
		m, err := s.message(ctx, map[string]any{"seq": from, "next_by_subj": subject})
		if err != nil || m.Seq == 0 || s.Own(m) {
			return m, err
		}
		from = m.Seq + 1
	}
}

const unindexed = "it looks like an event of the bridge, but no index lists it"

// errEnough ends a look at a stream.
var errEnough = errors.New("enough")

// Lately is how many of a stream's newest messages Look looks at: the server has to load all that it looks at.
const Lately = 100_000

// Look calls OnForeign with each foreign message from a sequence on, up to so many, and with each event that looks like a bridge's
// and stands in no index. It returns the sequence to go on from, which is behind the last record: what looks like a bridge's there
// may be a batch that is being stored, and is not judged yet; the foreign messages there come again.
// Where that is more than Lately messages ago, or the stream has lost its tail since, it begins with the newest ones.
// It reads all index messages and records there, and what they do not account for.
func (s *Stream) Look(ctx context.Context, from uint64, most int) (next uint64, err error) {
	state, err := s.state(ctx)
	if err != nil || state.Msgs == 0 {
		return from, err
	}
	newest := state.LastSeq + 1 - min(state.LastSeq, Lately)
	if from > state.LastSeq+1 {
		from = newest
	}
	var gaps []Seqs
	next = max(from, newest, state.FirstSeq)
	err = s.scan(ctx, Seqs{next, state.LastSeq + 1}, []string{s.IndexSubject(">"), s.RecordSubject(">")}, false, func(m scanned) error {
		if s.foreign(m.StoredEvent) != "" {
			return nil // it stands in a gap
		}
		first := m.Seq
		if kind, _ := s.kindOf(m.Subject); kind == "index" {
			first -= uint64(len(m.Data) / EntrySize) // less than seq, or it would be foreign
		}
		if next < first {
			gaps = append(gaps, Seqs{next, first})
		}
		next = m.Seq + 1
		return nil
	})
	for _, gap := range gaps {
		if err == nil {
			err = s.lookInto(ctx, gap, true, &most)
		}
	}
	if err == nil && next <= state.LastSeq {
		err = s.lookInto(ctx, Seqs{next, state.LastSeq + 1}, false, &most)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return next, err
}

// lookInto looks at messages that no index and no record accounts for, or, if they are not settled, may yet account for.
func (s *Stream) lookInto(ctx context.Context, gap Seqs, settled bool, most *int) error {
	return s.scan(ctx, gap, nil, false, func(m scanned) error {
		kind, _ := s.kindOf(m.Subject)
		if kind == "" {
			return nil // a subject of the stream's that is not the bridge's business
		}
		why := s.foreign(m.StoredEvent)
		if why == "" && settled && kind == "event" {
			why = unindexed
		}
		if why == "" {
			return nil
		}
		if *most == 0 {
			return errEnough
		}
		*most--
		s.pass(ForeignMessage{m.Seq, m.Subject, why})
		return nil
	})
}

// dayOf is the last token of a record's subject.
func (s *Stream) dayOf(record string) string { return strings.TrimPrefix(record, s.RecordSubject("")) }

// isDay reports whether a page may have that name.
func isDay(name string) bool {
	_, err := DaySpan(name)
	return err == nil || name == RejectedDay
}
