package checkpoint

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"saveris-bridge/internal/schema"
)

// Page is one feed's day in memory: the newest record that this process knows and the ids of all events that it counts.
// It serves one goroutine at a time.
type Page struct {
	Record Record
	Seq    uint64 // stream sequence of the record; 0 while the day has none
	Last   uint64 // what a commit has to expect on the record's subject: see Head
	ids    table
}

// News is what a reading brings that its page does not hold.
type News struct {
	Events  []schema.Event // may be a part of the reading itself
	Entries []Entry        // of Events, in their order
	Again   bool           // the page knows them, but the stream lacks them: they are stored once more
}

func newPage(feed, day string) *Page {
	return &Page{Record: Record{Version: Version, Feed: feed, Day: day}}
}

// New returns the events that the page does not hold, in their order and each once. A row that is known by its id but
// comes with other content is news as well: as a correction with an id of its own.
func (p *Page) New(events []schema.Event) News {
	var news News
	var seen table
	for i := range events {
		event := &events[i]
		entry := NewEntry(event.ID, event.Check)
		if check, known := p.lookup(&seen, entry); known {
			if check == event.Check {
				continue
			}
			revised := event.Revise()
			event, entry = &revised, NewEntry(revised.ID, revised.Check)
			if _, known := p.lookup(&seen, entry); known {
				continue
			}
		}
		if news.Entries == nil {
			seen.reserve(len(events) - i)
			news.Entries = make([]Entry, 0, len(events)-i)
		}
		seen.put(entry)
		news.Entries = append(news.Entries, entry)
		news.add(event, events, i)
	}
	return news
}

// add takes over the i-th of events, or a correction that is made of it. As long as the news stand side by side in the
// reading they are a part of it: a window of new events, or one that begins with known ones, is not copied.
func (n *News) add(event *schema.Event, events []schema.Event, i int) {
	k := len(n.Events)
	if event == &events[i] && (k == 0 || &n.Events[0] == &events[i-k]) {
		n.Events = events[i-k : i+1 : i+1]
		return
	}
	if k == cap(n.Events) { // of the rest, as large a part may be new as was so far
		n.Events = slices.Grow(n.Events, 1+(len(events)-i)*k/max(i, 1))
	}
	n.Events = append(n.Events, *event)
}

func (p *Page) lookup(seen *table, e Entry) (check uint32, known bool) {
	if check, known = p.ids.get(e); known {
		return check, true
	}
	return seen.get(e)
}

// Holds reports whether the page knows all of these, content and all.
func (p *Page) Holds(entries []Entry) bool {
	return !slices.ContainsFunc(entries, func(e Entry) bool {
		check, known := p.ids.get(e)
		return !known || check != binary.BigEndian.Uint32(e[12:])
	})
}

// Apply takes over what a batch has stored: its entries, and its record with the sequence that the stream gave it.
func (p *Page) Apply(entries []Entry, record Record, seq uint64) {
	for _, e := range entries {
		p.ids.put(e)
	}
	p.Record, p.Seq, p.Last = record, seq, seq
}

// loaded takes over what the record counts beyond the page's own. The larger table takes in the smaller one.
func (p *Page) loaded(found *index, record Record, seq uint64) {
	if p.ids.used < found.ids.used {
		found.ids.addOlder(&p.ids)
		p.ids = found.ids
	} else {
		p.ids.addAll(&found.ids)
	}
	p.Record, p.Seq = record, seq
}

// forget makes the page that of a day without a record. It keeps the memory for what is loaded next.
func (p *Page) forget() {
	p.ids.clear()
	p.Record, p.Seq = newPage(p.Record.Feed, p.Record.Day).Record, 0
}

// tally is how many events there are, their digest, and how many entries list an event once more.
type tally struct {
	rows   uint64
	digest Digest
	again  uint64
}

func (r Record) tally() tally { return tally{r.Rows, r.Digest, r.Repaired} }

func (t tally) with(e Entry) tally { return tally{t.rows + 1, t.digest.Add(e), t.again} }

func (t tally) plus(o tally) tally {
	lo, carry := bits.Add64(t.digest.lo, o.digest.lo, 0)
	hi, _ := bits.Add64(t.digest.hi, o.digest.hi, carry)
	return tally{t.rows + o.rows, Digest{hi, lo}, t.again + o.again}
}

func (t tally) minus(o tally) tally {
	lo, borrow := bits.Sub64(t.digest.lo, o.digest.lo, 0)
	hi, _ := bits.Sub64(t.digest.hi, o.digest.hi, borrow)
	return tally{t.rows - o.rows, Digest{hi, lo}, t.again - o.again}
}

// tallyOf is the tally of an index message.
func tallyOf(entries []Entry, again bool) (t tally) {
	if again {
		return tally{again: uint64(len(entries))}
	}
	for _, e := range entries {
		t = t.with(e)
	}
	return t
}
