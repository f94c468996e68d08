package saveris

import (
	"errors"
	"io"
)

var errTrailing = errors.New("text follows the list of rows")

// array reads a file that is one JSON array, or several that were put together.
func (d *decoder) array() error {
	for {
		d.w.pos++
		if err := d.list(); err != nil {
			return err
		}
		if c, ok := d.w.blanks(); !ok || c != '[' {
			return d.finish()
		}
	}
}

// finish makes sure that the stream ends here, and as it should: only now are its length and checksum proven.
func (d *decoder) finish() error {
	if _, ok := d.w.blanks(); ok {
		return errTrailing
	}
	return d.w.failed()
}

// list reads elements up to and including the closing bracket. It is generous with commas.
func (d *decoder) list() error {
	for {
		c, ok := d.w.blanks()
		switch {
		case !ok:
			return d.cut()
		case c == ']':
			d.w.pos++
			return nil
		case c == ',':
			d.w.pos++
		default:
			if err := d.element(); err != nil {
				return err
			}
		}
	}
}

// cut is the error of a stream that is over too early.
func (d *decoder) cut() error {
	if err := d.w.failed(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

func (d *decoder) element() error {
	d.w.peek(ahead)
	for {
		rest := d.w.rest()
		n := d.scan.scan(rest)
		if n == 0 || n > MaxRow {
			return d.oddElement()
		}
		if i := skipBlanks(rest, n); i < len(rest) {
			if rest[i] == ',' || rest[i] == ']' {
				return d.emit(rest[:n], nil, n)
			}
			return d.oddElement()
		}
		if !d.w.more() {
			return d.oddElement()
		}
	}
}

// oddElement reads what the fast scan did not take: it ends at the comma or bracket that is within nothing, or is an
// envelope of rows.
func (d *decoder) oddElement() error {
	if d.w.rest()[0] == '{' && d.isEnvelope() {
		return d.envelope()
	}
	var f frame
	for i := 0; ; i++ {
		if i > MaxRow {
			return d.longElement(f, i)
		}
		if i == d.w.end-d.w.pos && !d.w.more() {
			return d.cut()
		}
		rest := d.w.rest()
		if c := rest[i]; !f.open() && (c == ',' || c == ']') {
			return d.judge(rest[:i], i)
		}
		f.step(rest[i])
	}
}

// longElement hands over the beginning of an element that is too long, of which f has seen n bytes, and skips the rest.
func (d *decoder) longElement(f frame, n int) error {
	if err := d.emit(d.w.rest()[:n], errTooLong, n); err != nil {
		return err
	}
	return d.skip(f)
}

// skip uses the rest of a value that f has seen the beginning of.
func (d *decoder) skip(f frame) error {
	for {
		for i, c := range d.w.rest() {
			if !f.open() && (c == ',' || c == ']' || c == '}' || c == ':') {
				d.w.pos += i
				return nil
			}
			f.step(c)
		}
		d.w.pos = d.w.end
		if !d.w.more() {
			return d.cut()
		}
	}
}
