package bridgetest

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Seen is an event as it reached somebody.
type Seen struct {
	ID, Subject string
	Seq         uint64 // in the stream, 0 where the message does not say
	Last        uint64 // of the event before it on its subject, as the broker said, 0 for none
}

// SeenOf reads a message that reached somebody.
func SeenOf(subject string, header nats.Header, body []byte) Seen {
	attributes, _, _ := attributesOf(header, body) // what is no event has no id
	e := Seen{ID: attributes["id"], Subject: subject}
	fmt.Sscan(header.Get("Nats-Sequence"), &e.Seq)
	fmt.Sscan(header.Get("Nats-Last-Sequence"), &e.Last)
	return e
}

// SeenReport counts what is wrong with what somebody saw of a stream. All but Seen, Missed and Again has to be zero.
type SeenReport struct {
	Seen   int
	Missed int // events that are stored and were not seen
	Again  int // events that were seen once more, as Excused allows

	Unstored   int // seen and not stored
	Twice      int // seen once more
	Unnoticed  int // missed where the headers say that nothing was
	Disordered int // seen behind a later one

	Examples []string // of what is wrong, a few
}

// Clean reports whether nothing is wrong.
func (r *SeenReport) Clean() bool {
	return r.Unstored+r.Twice+r.Unnoticed+r.Disordered == 0
}

// String is one line, and one for each example.
func (r *SeenReport) String() string {
	text := fmt.Sprintf("seen %d (missed %d, again %d): unstored %d, twice %d, unnoticed %d, disordered %d",
		r.Seen, r.Missed, r.Again, r.Unstored, r.Twice, r.Unnoticed, r.Disordered)
	for _, e := range r.Examples {
		text += "\n  " + e
	}
	return text
}

func (r *SeenReport) wrong(column *int, format string, args ...any) {
	*column++
	if len(r.Examples) < maxExamples {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// Excused is what the broker has done for which a subscriber may see an event once more.
type Excused struct {
	// Lost: it has lost what it had stored. An event may be stored again, even under the same sequence; what went before it then is not
	// known any more.
	Lost bool
	// Resent: it is a cluster that has changed its leader, who may send what the former one had sent already.
	Resent bool
}

// AuditSubscriber judges what a plain subscriber of NATS saw of a stream's live lane, or of all of it where it has no lanes, since before
// the stream was there, in the order of arrival.
func AuditSubscriber(ctx context.Context, js jetstream.JetStream, stream string, seen []Seen, may Excused) (*SeenReport, error) {
	_, feed, _ := strings.Cut(strings.ToLower(stream), "_")
	all, err := readOn(ctx, js, stream, "saveris."+feed+".>")
	if err != nil {
		return nil, err
	}
	return newSubscriber(all).judge(seen, may), nil
}

// subscriber is what a stream holds for one.
type subscriber struct {
	report   SeenReport
	at       map[uint64]message  // live events
	before   map[uint64]uint64   // the sequence of the event before it on its subject
	storedID map[string]bool     // live events
	firstly  map[string]Seen     // by id, what was seen
	newest   map[string]uint64   // by subject, what was seen
	seenAt   map[uint64]struct{} // sequences that still hold what was seen
}

func newSubscriber(all []message) *subscriber {
	s := &subscriber{
		at: map[uint64]message{}, before: map[uint64]uint64{}, storedID: map[string]bool{},
		firstly: map[string]Seen{}, newest: map[string]uint64{}, seenAt: map[uint64]struct{}{},
	}
	last := map[string]uint64{}
	for _, m := range all {
		if tokens := strings.Split(m.subject, "."); m.kind == "event" && (tokens[2] == "live" || m.event.body != nil) {
			s.at[m.seq], s.before[m.seq], s.storedID[m.event.id] = m, last[m.subject], true
			last[m.subject] = m.seq
		}
	}
	return s
}

func (s *subscriber) judge(seen []Seen, may Excused) *SeenReport {
	for _, e := range seen {
		s.take(e, may)
	}
	s.report.Seen = len(seen)
	s.report.Missed = len(s.at) - len(s.seenAt)
	return &s.report
}

func (s *subscriber) take(e Seen, may Excused) {
	stored, lost := s.holds(e), may.Lost
	first, again := s.firstly[e.ID]
	if may.Resent && stored && first.Seq == e.Seq {
		s.report.Again++
		return
	}
	if !stored && !(lost && s.storedID[e.ID]) {
		s.report.wrong(&s.report.Unstored, "unstored: %s on %s at sequence %d", e.ID, e.Subject, e.Seq)
	}
	if again {
		if !lost {
			s.report.wrong(&s.report.Twice, "twice: %s at sequences %d and %d", e.ID, first.Seq, e.Seq)
		} else {
			s.report.Again++
		}
	}
	newest := s.newest[e.Subject]
	if stored && !lost && e.Last == newest && s.before[e.Seq] > newest {
		s.report.wrong(&s.report.Unnoticed, "unnoticed: %s at sequence %d says that sequence %d is before it, but %d is", e.ID, e.Seq, e.Last, s.before[e.Seq])
	}
	if e.Seq <= newest && !lost {
		s.report.wrong(&s.report.Disordered, "disordered: %s at sequence %d behind sequence %d", e.ID, e.Seq, newest)
	}
	s.firstly[e.ID], s.newest[e.Subject] = e, e.Seq
	if stored {
		s.seenAt[e.Seq] = struct{}{}
	}
}

// holds reports whether the stream holds just what was seen.
func (s *subscriber) holds(e Seen) bool {
	m, there := s.at[e.Seq]
	return there && m.event.id == e.ID && m.subject == e.Subject
}

// AuditConsumer judges what a consumer of the events on the subjects of a filter got, in the order in which it got them: each stored event
// once.
func AuditConsumer(ctx context.Context, js jetstream.JetStream, stream, filter string, got []Seen) (*SeenReport, error) {
	all, err := readOn(ctx, js, stream, filter)
	if err != nil {
		return nil, err
	}
	report, stored, newest := &SeenReport{Seen: len(got)}, map[Seen]bool{}, uint64(0)
	for _, m := range all {
		if m.kind == "event" && m.event.kind != "saveris.row.rejected.v1" {
			stored[Seen{ID: m.event.id, Subject: m.subject, Seq: m.seq}] = true
		}
	}
	for _, e := range got {
		e.Last = 0
		left, known := stored[e]
		switch {
		case !known:
			report.wrong(&report.Unstored, "unstored: %s on %s at sequence %d", e.ID, e.Subject, e.Seq)
		case !left:
			report.wrong(&report.Twice, "twice: %s at sequence %d", e.ID, e.Seq)
		case e.Seq < newest:
			report.wrong(&report.Disordered, "disordered: %s at sequence %d behind sequence %d", e.ID, e.Seq, newest)
		}
		if known {
			stored[e] = false
		}
		newest = max(newest, e.Seq)
	}
	for _, left := range stored {
		if left {
			report.Missed++
		}
	}
	return report, nil
}
