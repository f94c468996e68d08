package schema

import (
	"strings"
	"time"

	"saveris-bridge/internal/saveris"
)

// maxText is the longest text of an event in bytes. The broker takes messages of 1 MiB unless configured otherwise; a row
// (saveris.MaxRow) can grow over that only if it is full of control characters.
const maxText = 512 << 10

// maxHeader is how many bytes an event may add to its headers: the broker stores 64 KiB of them, and this leaves room for
// names, constants and what a batch needs.
const maxHeader = 60_000

// Maker turns the rows of one feed into events. It holds the buffers that rows are taken apart in, so it serves one
// goroutine; the events that it made serve any number.
type Maker struct {
	feed        Feed
	baseURL     string
	stem        string // first tokens of ingest subjects, before the lane
	reject      *series
	known       *knownSeries // shared with makers that Another made
	texts       texts
	names       Names // nil: none
	noUsers     bool  // see WithoutUsers
	columnNames columnNames
	clocks      [columns]clock
	zones       zones

	recorder *recorder // of all its events

	// Scratch of one call of Event.
	cell    [columns][]byte    // the row's values in the event's form; nil is null
	at      [columns]time.Time // of the cells that are times
	changed []byte             // last_status_change_time that is no time, as the vendor wrote it
	other   other
	arena   []byte // holds cells that are not as the vendor wrote them
	buf     []byte // data as a whole
	id      []byte
	key     []byte
	tmp     []byte
}

// NewMaker makes the maker of a feed. Prefix is the first token of subjects, baseURL the vendor's address without the
// version part; a slash at its end is cut.
func NewMaker(feed Feed, prefix, baseURL string) *Maker {
	m := &Maker{feed: feed, baseURL: strings.TrimSuffix(baseURL, "/"), known: newKnownSeries(feed), zones: zones{}, recorder: &recorder{}}
	m.stem = IngestPrefix(prefix) + "." + string(feed) + "."
	subject, source := IngestPrefix(prefix)+".rejected."+string(feed), string(appendPercent(nil, []byte(m.baseURL)))
	m.reject = &series{live: subject, history: subject, subject: string(feed), source: source, baseURL: m.baseURL, recorder: m.recorder}
	return m
}

// Another makes a maker of the same feed for one more goroutine. Both share what they know of series, which is most of what a
// maker takes: 1.1 KB a channel.
func (m *Maker) Another() *Maker {
	return &Maker{feed: m.feed, baseURL: m.baseURL, stem: m.stem, reject: m.reject, known: m.known, names: m.names, noUsers: m.noUsers, zones: zones{}, recorder: m.recorder}
}

// Event turns a row into an event. It never fails: a row that cannot be an event becomes a rejected event that says
// why. A row needs a readable time, and a uuid or what an id can be made of. The window and the time of reading are used
// for rejected rows only. Nothing of the row is kept.
func (m *Maker) Event(row *saveris.Row, w Window, readAt time.Time) Event {
	if row.Err != nil {
		return m.rejected(row, row.Err.Error(), w, readAt)
	}
	switch m.feed {
	case Readings:
		if e, ok := m.quick(row.Fields); ok {
			return e
		}
	case Tasks:
		var e Event
		if reason := m.task(&e, row.Fields); reason != "" {
			return m.rejected(row, reason, w, readAt)
		}
		return e
	}
	m.read(row.Fields)
	if reason := m.objection(row.Fields); reason != "" {
		return m.rejected(row, reason, w, readAt)
	}
	e := Event{Time: m.at[colTime]}
	fits := false
	if m.feed == Alarms { // no table of functions: e would escape to the heap
		fits = m.writeAlarm(&e)
	} else {
		fits = m.writeReading(&e)
	}
	if !fits {
		return m.rejected(row, "too long as an event", w, readAt)
	}
	return e
}

// read sorts the row's columns into cells and the rest.
func (m *Maker) read(fields []saveris.Field) {
	m.cell = [columns][]byte{}
	m.changed = nil
	m.other.reset()
	m.columnNames.begin()
	m.arena = m.arena[:0]
	for i := range fields {
		if c := m.column(fields[i].Name); c == colNone || !m.take(c, fields[i]) {
			m.other.add(fields[i])
		}
	}
}

// keepWhole keeps an event with the data in m.buf, the time of the cells and a causationid. It fails where the broker
// would not take it.
func (m *Maker) keepWhole(e *Event, id, cause []byte) bool {
	return m.keepText(e, id, m.cell[colTime], cause) && e.fits()
}

func (m *Maker) keepText(e *Event, id, stamp, cause []byte) bool {
	m.tmp = m.tmp[:0]
	if !headerSafe(id) {
		m.tmp = appendPercent(m.tmp, id)
	}
	n := len(m.tmp)
	m.tmp = appendPercent(m.tmp, cause)
	return m.texts.keep(e, id, stamp, m.tmp[:n], m.tmp[n:], m.buf)
}
