package saveris

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

var (
	errQuotes = errors.New("the row's quotes do not match")
	errTwice  = errors.New("the header names a column twice")
)

// table reads CSV with a header as RFC 4180 has it: quotes or none, CRLF or LF, "" for a quote within quotes. An empty
// field is Null, quoted or not; every other is String.
func (d *decoder) table() error {
	for {
		if _, ok := d.w.blanks(); !ok {
			return d.w.failed()
		}
		rec, err := d.record()
		switch {
		case err != nil:
			return err
		case rec.state != whole:
			err = d.brokenRecord(rec.state)
		case d.names == nil:
			err = d.header()
			d.w.pos += rec.next
		case rec.size > MaxRow:
			err = d.emit(d.w.rest()[:rec.size], errTooLong, rec.next)
		default:
			err = d.tableRow(rec)
		}
		if err != nil {
			return err
		}
	}
}

// header takes the fields at hand for the names of the columns. Where the feed's are not among them, this is another table,
// or none.
func (d *decoder) header() error {
	for i, f := range d.scan.fields {
		d.twice = d.twice || slices.Contains(d.names, string(f.Text))
		d.names = append(d.names, string(f.Text))
		d.scan.fields[i].Name = d.names[i]
	}
	if !hasColumns(d.scan.fields, d.columns) {
		return d.foreign()
	}
	return nil
}

// tableRow hands over the record at hand. A last record without a line end that has too few fields is a cut file.
func (d *decoder) tableRow(rec record) error {
	fields, raw := d.scan.fields, d.w.rest()[:rec.size]
	switch {
	case d.twice:
		return d.emit(raw, errTwice, rec.next)
	case len(fields) < len(d.names) && rec.size == rec.next:
		return io.ErrUnexpectedEOF
	case len(fields) != len(d.names):
		return d.emit(raw, fmt.Errorf("the row has %d fields, the header %d", len(fields), len(d.names)), rec.next)
	}
	for i := range fields {
		fields[i].Name = d.names[i]
	}
	return d.emit(raw, nil, rec.next)
}

// record splits what begins here into fields; it is partial only where the window is full or the file over.
func (d *decoder) record() (record, error) {
	d.w.peek(ahead)
	for {
		over := d.w.err == io.EOF
		rec := d.scan.split(d.w.rest(), over)
		if rec.state != partial || over {
			return rec, nil
		}
		if !d.w.more() && d.w.err != io.EOF {
			return rec, d.w.err // nil: the window is full
		}
	}
}

// brokenRecord hands over the line at hand as a broken row; the next line begins the next record. Where no line end is in
// sight the line is too long, or the file is cut within quotes.
func (d *decoder) brokenRecord(state recordState) error {
	end := bytes.IndexByte(d.w.rest(), '\n')
	for end < 0 && d.w.more() {
		end = bytes.IndexByte(d.w.rest(), '\n')
	}
	rest := d.w.rest()
	switch {
	case d.names == nil:
		return d.foreign()
	case end > MaxRow || end < 0 && len(rest) > MaxRow:
		err := d.emit(rest, errTooLong, MaxRow)
		d.w.skipLine()
		return err
	case end >= 0:
		return d.emit(rest[:end], errQuotes, end)
	case state == partial:
		return d.cut()
	default:
		return d.emit(rest, errQuotes, len(rest))
	}
}

// isHeader reports whether a text can only begin with a CSV header: two or more names of columns.
func isHeader(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for _, c := range line {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if !bytes.ContainsRune([]byte("_0123456789\", \r"), rune(c)) {
				return false
			}
		}
	}
	return bytes.IndexByte(line, ',') > 0
}

type recordState uint8

const (
	whole   recordState = iota
	partial             // its end is not in sight
	broken              // text stands behind a closing quote
)

// record is where a CSV record ends and the next one begins; they are the same where the file ends without a line end.
type record struct {
	size, next int
	state      recordState
}

// split takes the CSV record at the start of b apart into s.fields; over says that nothing comes after b.
func (s *scanner) split(b []byte, over bool) record {
	s.fields, s.text = s.fields[:0], s.text[:0]
	for i := 0; ; i++ {
		var text []byte
		if i < len(b) && b[i] == '"' {
			text, i = s.quoted(b, i+1)
		} else {
			text, i = bare(b, i)
		}
		if i < 0 || i == len(b) && !over {
			return record{state: partial}
		}
		f := Field{}
		if len(text) > 0 {
			f.Kind, f.Text = String, text
		}
		s.fields = append(s.fields, f)
		if i == len(b) || b[i] != ',' {
			return lineBreak(b, i, over)
		}
	}
}

// lineBreak judges what stands behind the last field of a record.
func lineBreak(b []byte, i int, over bool) record {
	switch rest := b[i:]; {
	case len(rest) == 0:
		return record{size: i, next: i}
	case rest[0] == '\n':
		return record{size: i, next: i + 1}
	case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
		return record{size: i, next: i + 2}
	case len(rest) == 1 && rest[0] == '\r' && over:
		return record{size: i, next: i + 1}
	case len(rest) == 1 && rest[0] == '\r':
		return record{state: partial}
	default:
		return record{state: broken}
	}
}

// quoted reads a field from behind its opening quote and returns the position behind its closing one, -1 where that is not
// in sight.
func (s *scanner) quoted(b []byte, i int) (text []byte, end int) {
	from := len(s.text)
	doubled := false
	for start := i; ; start = i {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return nil, -1
		}
		i += n + 1
		if i == len(b) || b[i] != '"' {
			if !doubled {
				return b[start : i-1], i
			}
			s.text = append(s.text, b[start:i-1]...)
			return s.text[from:len(s.text):len(s.text)], i
		}
		s.text = append(s.text, b[start:i]...) // with one of the two quotes
		doubled = true
		i++
	}
}

// bare reads a field without quotes; quotes further in are text. It returns the position of what ends it.
func bare(b []byte, i int) (text []byte, end int) {
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '\n' {
		i++
	}
	if i > start && b[i-1] == '\r' && (i == len(b) || b[i] == '\n') {
		i--
	}
	return b[start:i], i
}
