package schema

import (
	"math"
	"strings"
)

// part is a piece of an event's text. Every text begins with the id of the first content and the time. Then comes the
// data, in one of two forms. Nearly all readings are in pieces: their series has what the channel's readings share, and
// the text what differs, each of it such that JSON quotes it as it is. Whatever is odd, and all alarms and rejected rows,
// have their data as a whole.
type part uint8

const (
	partID part = iota
	partTime

	partValue    // in pieces: the literal; here and in the next ones, empty is null
	partLocal    //
	partReceived //
	partOther    // members of "other", up to the end of the text

	partHeaderID = part(2) // as a whole: the id as it stands in a header, empty where it is the id
	partCause    = part(3) // causationid as it stands in a header
	partData     = part(4) // up to the end of the text

	parts = partOther // that have an end
)

func (e *Event) part(p part) string {
	from := uint16(0)
	if p > 0 {
		from = e.ends[p-1]
	}
	return e.text[from:e.ends[p]]
}

// rest is the last part, which begins where p ends.
func (e *Event) rest(p part) string { return e.text[e.ends[p]:] }

// inPieces tells the two forms apart: only a text in pieces has so many ends.
func (e *Event) inPieces() bool { return e.ends[partReceived] > 0 }

// firstID is the id of the first content as it stands in a header.
func (e *Event) firstID() string {
	if !e.inPieces() {
		if id := e.part(partHeaderID); id != "" {
			return id
		}
	}
	return e.part(partID)
}

// headerID is the ID as it stands in a header.
func (e *Event) headerID() string {
	if e.inPieces() || e.part(partHeaderID) == "" {
		return e.ID
	}
	return e.part(partHeaderID) + e.ID[len(e.part(partID)):]
}

// cause is the causationid as it stands in a header.
func (e *Event) cause() string {
	if e.inPieces() {
		return ""
	}
	return e.part(partCause)
}

// AppendData appends the event's data: compact JSON in UTF-8, but for the blanks that the vendor wrote inside a column
// that the bridge does not know.
func (e *Event) AppendData(b []byte) []byte {
	if !e.inPieces() {
		return append(b, e.rest(partCause)...)
	}
	s := e.series
	b = append(b, `{"uuid":`...)
	if s.noUUID {
		b = append(b, "null"...)
	} else {
		b = appendName(b, e.part(partID))
	}
	b = append(b, s.place...)
	b = appendNumber(b, e.part(partValue))
	b = append(b, s.unit...)
	b = append(b, e.part(partTime)...)
	b = append(b, `","measured_at_local":`...)
	b = appendName(b, e.part(partLocal))
	b = append(b, `,"received_at":`...)
	b = appendName(b, e.part(partReceived))
	return appendOther(e.said.append(b), e.rest(partReceived))
}

// dataSize is how many bytes AppendData appends.
func (e *Event) dataSize() int {
	if !e.inPieces() {
		return len(e.rest(partCause))
	}
	s := e.series
	n := len(`{"uuid":","measured_at_local":,"received_at":}`) + len(s.place) + len(s.unit) + len(e.part(partTime)) +
		orNull(len(e.part(partValue)), 0) + orNull(len(e.part(partLocal)), 2) + orNull(len(e.part(partReceived)), 2) + e.said.size()
	if s.noUUID {
		n += len("null")
	} else {
		n += len(e.part(partID)) + 2
	}
	if other := e.rest(partReceived); other != "" {
		n += len(`,"other":{}`) + len(other)
	}
	return n
}

// orNull is the size of a text with its quotes, or of null in its place.
func orNull(size, quotes int) int {
	if size == 0 {
		return len("null")
	}
	return size + quotes
}

// chunkSize is how much text is allocated at once: that of 600 readings.
const chunkSize = 64 << 10

// texts carves the texts of events out of chunks. A chunk lives as long as any event that has its text there.
type texts struct {
	chunk   strings.Builder
	scratch []byte // one text
}

// keep returns the event its text. It fails, without an effect, where a part ends farther in than an end can say; such an
// event is too long for a header, or it has to keep its data as a whole.
func (t *texts) keep(e *Event, pieces ...[]byte) bool {
	b, last := t.scratch[:0], len(pieces)-1
	var ends [parts]uint16
	for i, piece := range pieces[:last] {
		if b = append(b, piece...); len(b) > math.MaxUint16 {
			return false
		}
		ends[i] = uint16(len(b))
	}
	b = append(b, pieces[last]...)
	t.scratch = b
	e.ends, e.text = ends, t.carve(b)
	e.ID = e.text[:ends[partID]]
	return true
}

// carve copies a text into the chunk at hand, or a new one.
func (t *texts) carve(text []byte) string {
	if t.chunk.Cap()-t.chunk.Len() < len(text) {
		t.chunk = strings.Builder{}
		t.chunk.Grow(max(len(text), chunkSize))
	}
	from := t.chunk.Len()
	t.chunk.Write(text)
	return t.chunk.String()[from:]
}
