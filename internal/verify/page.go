package verify

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// dayPage is a day's index with what is known of every entry.
type dayPage struct {
	*checkpoint.Listing
	day     string
	span    checkpoint.Span // what of it is verified; not looked at on the page of rejected rows
	order   []uint32        // positions in Entries, sorted by id, then by place
	state   []state         // of Entries
	revised []revision      // sorted by correction
}

// state is what is known of an entry.
type state uint8

const (
	present    state = 1 << iota // its event stands in the stream, under this id
	inRange                      // and its time lies in the span
	correction                   // and it revises another
	seen                         // the vendor shows this id with this content
	idSeen                       // the vendor shows this id
)

// revision is a correction and the entry that it revises, by position.
type revision struct{ of, base uint32 }

func newPage(list *checkpoint.Listing, day string, span checkpoint.Span) *dayPage {
	p := &dayPage{Listing: list, day: day, span: span, order: make([]uint32, len(list.Entries)), state: make([]state, len(list.Entries))}
	for i := range p.order {
		p.order[i] = uint32(i)
	}
	slices.SortFunc(p.order, func(a, b uint32) int { return cmp.Or(bytes.Compare(p.id(a), p.id(b)), cmp.Compare(a, b)) })
	return p
}

// id is the part of an entry that stands for the id.
func (p *dayPage) id(i uint32) []byte { return p.Entries[i][:12] }

// find returns the positions of the entries with the id of one, in the order of the stream.
func (p *dayPage) find(e checkpoint.Entry) []uint32 {
	from, found := sort.Find(len(p.order), func(i int) int { return bytes.Compare(e[:12], p.id(p.order[i])) })
	if !found {
		return nil
	}
	until := from + 1
	for until < len(p.order) && bytes.Equal(p.id(p.order[until]), e[:12]) {
		until++
	}
	return p.order[from:until]
}

// match returns the position of an entry with this id and content, one whose event is there if there is one, -1 if there is
// none.
func (p *dayPage) match(e checkpoint.Entry) int {
	found := -1
	for _, i := range p.find(e) {
		if p.Entries[i] == e && (found < 0 || p.state[i]&present != 0) {
			found = int(i)
		}
	}
	return found
}

// there returns the position of an entry with the id of another whose event is there: it may have been stored once more.
func (p *dayPage) there(e checkpoint.Entry) (at uint32, found bool) {
	known := p.find(e)
	n := slices.IndexFunc(known, func(i uint32) bool { return p.state[i]&present != 0 })
	if n < 0 {
		return 0, false
	}
	return known[n], true
}

func (p *dayPage) rejected() bool { return p.day == checkpoint.RejectedDay }

// covers reports whether an event of the page is to be verified.
func (p *dayPage) covers(event schema.Stored) bool {
	return p.rejected() || !event.Time.Before(p.span.From) && event.Time.Before(p.span.Until)
}

// checkEvents reads the events that the index lists and holds them against their entries.
func (p *dayPage) checkEvents(ctx context.Context, stream *checkpoint.Stream, report *dayReport) error {
	for _, run := range p.Runs() {
		run.From = max(run.From, p.Oldest)
		if run.From >= run.Until {
			continue
		}
		err := stream.Events(ctx, run, func(m checkpoint.StoredEvent) error {
			for _, i := range p.At(m.Seq) {
				p.checkEvent(i, m, report)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(p.revised, func(a, b revision) int { return cmp.Compare(a.of, b.of) })
	return nil
}

// checkEvent holds an event against the entry that lists it.
func (p *dayPage) checkEvent(i int, m checkpoint.StoredEvent, report *dayReport) {
	event, err := schema.ReadStored(m.Header, m.Data)
	if err != nil {
		report.add(Difference{Kind: BadIndex, Sequence: m.Seq, Why: "the message is no event of the bridge: " + err.Error()})
		return
	}
	entry := checkpoint.NewEntry(event.ID, event.Check)
	if !bytes.Equal(entry[:12], p.id(uint32(i))) {
		report.event(BadIndex, m.Seq, event, "the index lists another id in its place")
		return
	}
	if event.Day() != p.day {
		report.event(BadIndex, m.Seq, event, "the index of another day lists it: "+p.day)
		return
	}
	if entry != p.Entries[i] && !event.Rejected { // the check of a rejected row cannot be known where that was no UTF-8
		report.event(BadIndex, m.Seq, event, fmt.Sprintf("its content has the check %x, the index says %x", entry[12:], p.Entries[i][12:]))
	}
	other, twice := p.there(entry)
	p.state[i] |= present
	if event.Revises != "" {
		p.state[i] |= correction
		if base := p.find(checkpoint.NewEntry(event.Revises, 0)); len(base) > 0 {
			p.revised = append(p.revised, revision{uint32(i), base[0]})
		}
	}
	if !p.covers(event) {
		return
	}
	p.state[i] |= inRange
	report.Stored++
	report.Digest = report.Digest.Add(p.Entries[i])
	if event.Revises != "" {
		report.Corrections++
	}
	if twice {
		report.event(Doubled, m.Seq, event, fmt.Sprintf("its id stands at sequence %d as well", p.Sequence(int(other))))
	}
}

// see notes that the vendor shows the content of an entry, and with it the id of another, which may be the same.
func (p *dayPage) see(i, base uint32) (first bool) {
	first = p.state[i]&seen == 0
	p.state[i] |= seen
	p.state[base] |= idSeen
	return first
}

// accounted reports whether the vendor still shows the row of an entry, be it with other content.
func (p *dayPage) accounted(i uint32) bool {
	if p.state[i]&(seen|idSeen) != 0 || p.state[p.find(p.Entries[i])[0]]&idSeen != 0 {
		return true
	}
	n, found := slices.BinarySearchFunc(p.revised, i, func(r revision, i uint32) int { return cmp.Compare(r.of, i) })
	return found && p.state[p.revised[n].base]&idSeen != 0
}

// leftOver finds what no row of the vendor has accounted for, and what is lost though one has.
func (p *dayPage) leftOver(ctx context.Context, stream *checkpoint.Stream, report *dayReport) error {
	for i := range p.state {
		switch {
		case p.state[i]&present == 0:
			p.lost(i, report)
		case p.state[i]&inRange != 0 && !p.rejected() && !p.accounted(uint32(i)):
			seq := p.Sequence(i)
			if err := p.unexpected(ctx, stream, seq, report); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost names an event that the index lists in vain, unless it stands elsewhere, was removed by retention, or has been named.
func (p *dayPage) lost(i int, report *dayReport) {
	seq := p.Sequence(i)
	if _, stored := p.there(p.Entries[i]); stored || seq < p.Oldest {
		return
	}
	for _, other := range p.find(p.Entries[i]) { // the last one speaks for all that list it
		if int(other) > i || report.named[p.Sequence(int(other))] {
			return
		}
	}
	why := "no row that the vendor shows is it"
	if p.accounted(uint32(i)) {
		why = "the vendor shows its row with other content"
	}
	report.add(Difference{Kind: BadIndex, Sequence: seq, Why: fmt.Sprintf("the index lists an event that is not there (entry %x), and %s", p.Entries[i], why)})
}

// unexpected names an event that no row accounts for.
func (p *dayPage) unexpected(ctx context.Context, stream *checkpoint.Stream, seq uint64, report *dayReport) error {
	if report.full() {
		report.add(Difference{Kind: Unexpected})
		return nil
	}
	return stream.Events(ctx, checkpoint.Seqs{From: seq, Until: seq + 1}, func(m checkpoint.StoredEvent) error {
		event, err := schema.ReadStored(m.Header, m.Data)
		if err != nil {
			return err
		}
		report.event(Unexpected, seq, event, "the vendor shows no row of this id")
		return nil
	})
}
