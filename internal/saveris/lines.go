package saveris

import (
	"bytes"
	"io"
)

// lines reads objects that stand one on a line (the vendor's JSON, seen), or spread over several.
func (d *decoder) lines() error {
	for {
		switch c, ok := d.w.blanks(); {
		case !ok:
			return d.w.failed()
		case c == ',' && d.rows > 0: // lines of a list that lost its brackets
			d.w.pos++
			continue
		}
		if err := d.line(); err != nil {
			return err
		}
	}
}

func (d *decoder) line() error {
	d.w.peek(ahead)
	for looked := false; ; looked = true {
		rest := d.w.rest()
		n := d.scan.scan(rest)
		if n > 0 && n <= MaxRow && d.lineEnds(rest, n) {
			return d.emit(rest[:n], nil, n)
		}
		if n == 0 && !looked && rest[0] == '{' && d.isEnvelope() {
			return d.wrapped()
		}
		rest = d.w.rest()
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			return d.oddLine(i)
		}
		if !d.w.more() {
			return d.lastLine()
		}
	}
}

// lineEnds reports whether nothing follows on the line but blanks or another object; false also where that is not known
// yet.
func (d *decoder) lineEnds(rest []byte, n int) bool {
	for ; n < len(rest); n++ {
		switch rest[n] {
		case '\n', '{':
			return true
		case ' ', '\t', '\r':
		default:
			return false
		}
	}
	return d.w.err == io.EOF
}

// oddLine reads a whole line that the fast scan did not take, n bytes without its newline.
func (d *decoder) oddLine(n int) error {
	line := bytes.TrimSpace(d.w.rest()[:n])
	if len(line) > MaxRow || d.scan.strict(line) == nil {
		return d.judge(line, n)
	}
	size, err := d.spread(n)
	if err != nil {
		return err
	}
	if size > 0 {
		return d.judge(d.w.rest()[:size], size)
	}
	return d.judge(d.w.rest()[:n], n)
}

// lastLine reads a line that no newline ends: too long, or the last one. An object that is still open then is cut, and
// so is the file.
func (d *decoder) lastLine() error {
	rest := d.w.rest()
	if len(rest) > MaxRow {
		err := d.emit(rest, errTooLong, MaxRow)
		d.w.skipLine()
		return err
	}
	if err := d.w.failed(); err != nil {
		return err
	}
	var f frame
	for _, c := range rest {
		f.step(c)
	}
	if rest[0] == '{' && f.open() {
		return io.ErrUnexpectedEOF
	}
	return d.oddLine(len(rest))
}

// spread finds the end of an object that does not end where the line at hand does, n bytes from here; 0 where it is
// merely a broken line: a string goes over the end of a line, or the next line begins another object. No end at all is
// a cut file.
func (d *decoder) spread(n int) (size int, err error) {
	if d.w.rest()[0] != '{' {
		return 0, nil
	}
	var f frame
	content := false // beyond the first line
	for i := 0; i <= MaxRow; i++ {
		if i == d.w.end-d.w.pos && !d.w.more() {
			if d.w.err == io.EOF && content {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, d.w.failed()
		}
		rest := d.w.rest()
		c := rest[i]
		if c == '\n' && f.text || c == '{' && i > 0 && rest[i-1] == '\n' {
			return 0, nil
		}
		content = content || i > n && c > ' '
		if f.step(c); !f.open() {
			return i + 1, nil
		}
	}
	return 0, nil
}

// frame finds out where a JSON value ends without judging it.
type frame struct {
	depth   int
	text    bool // within a string
	escaped bool
}

func (f *frame) step(c byte) {
	switch {
	case f.escaped:
		f.escaped = false
	case f.text && c == '\\':
		f.escaped = true
	case c == '"':
		f.text = !f.text
	case f.text:
	case c == '{' || c == '[':
		f.depth++
	case (c == '}' || c == ']') && f.depth > 0:
		f.depth--
	}
}

func (f *frame) open() bool { return f.text || f.depth > 0 }
