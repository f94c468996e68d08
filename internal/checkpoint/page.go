package checkpoint

import (
	"saveris-bridge/internal/schema"
)

// Page is one feed's day in memory: the newest record that this process knows and the ids of all events that it counts.
// It serves one goroutine at a time.
type Page struct {
	Record Record
	Seq    uint64 // stream sequence of the record; 0 while the day has none
	ids    table
}

// News is what a reading brings that its page does not hold.
type News struct {
	Events  []schema.Event
	Entries []Entry // of Events, in their order
	Known   int     // rows that were stored before, or came twice in this reading
}

func newPage(feed, day string) *Page {
	return &Page{Record: Record{Version: Version, Feed: feed, Day: day}}
}

// New gives the events that the page does not hold, in their order and each once. A row that is known by its id but
// comes with other content is news as well: as a correction with an id of its own.
func (p *Page) New(events []schema.Event) News {
	var news News
	var seen table
	for _, event := range events {
		entry := NewEntry(event.ID, event.Check)
		if check, known := p.lookup(&seen, entry); known {
			if check == event.Check {
				news.Known++
				continue
			}
			event = event.Revise()
			entry = NewEntry(event.ID, event.Check)
			if _, known := p.lookup(&seen, entry); known {
				news.Known++
				continue
			}
		}
		seen.put(entry)
		news.Events = append(news.Events, event)
		news.Entries = append(news.Entries, entry)
	}
	return news
}

func (p *Page) lookup(seen *table, e Entry) (check uint32, known bool) {
	if check, known = p.ids.get(e); known {
		return check, true
	}
	return seen.get(e)
}

// Stored takes over what a batch has stored: its entries, and its record with the sequence that the stream gave it.
func (p *Page) Stored(entries []Entry, record Record, seq uint64) {
	for _, e := range entries {
		p.ids.put(e)
	}
	p.Record, p.Seq = record, seq
}

// tally is how many events there are, and their digest.
type tally struct {
	rows   uint64
	digest Digest
}

func (p *Page) base() tally { return tally{p.Record.Rows, p.Record.Digest} }

// proves tells whether the tally and the entries that follow it are exactly what the record counts.
func (t tally) proves(entries []Entry, record Record) bool {
	for _, e := range entries {
		t.digest = t.digest.Add(e)
	}
	return t.rows+uint64(len(entries)) == record.Rows && t.digest == record.Digest
}
