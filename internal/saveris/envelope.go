package saveris

import (
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// An envelope is an object that holds the rows in lists: {"measurements": […]}, under any names, beside other members, in
// objects within it. A row may hold lists of its own; what has more columns of the feed decides which of the two an object is.

// sight is what stands in an object or a list, as far as one can look ahead.
type sight struct {
	own    int  // columns of the feed that are its own members
	inner  int  // the most columns that an object has which stands in a list within it
	lists  int  // within it
	filled bool // some of them hold something
	whole  bool // its end was in sight
	far    bool // it goes on behind what can be looked at
}

// rows reports whether one of its lists holds rows.
func (s *sight) rows() bool { return s.inner >= fewestColumns }

// deepestLook bounds the looks at lines of which each opens another object and none is closed.
const deepestLook = 16

// look looks at the object or list that begins here. Nothing is used.
func (d *decoder) look() (s sight) {
	reader := &peeker{w: d.w}
	dec := jsontext.NewDecoder(reader, strictOption, jsontext.AllowDuplicateNames(true))
	var open []int // columns of what is open
	lists := 0     // of these
	for {
		token, err := dec.ReadToken()
		if err != nil {
			s.far = reader.pos >= MaxRow
			return s
		}
		depth := dec.StackDepth()
		if depth > deepestLook {
			return s
		}
		switch kind := token.Kind(); kind {
		case '{', '[':
			s.filled = s.filled || lists > 0
			if open = append(open, 0); kind == '[' {
				s.lists, lists = s.lists+1, lists+1
			}
		case '}', ']':
			if open = open[:depth]; kind == ']' {
				lists--
			}
			if s.whole = depth == 0; s.whole {
				return s
			}
		default:
			in, n := dec.StackIndex(depth)
			s.filled = s.filled || in == '['
			if in != '{' || n%2 == 0 || !d.columns[fold(token.String())] {
				continue
			}
			switch open[depth-1]++; {
			case depth == 1:
				s.own++
			case lists > 0:
				s.inner = max(s.inner, open[depth-1])
			}
		}
	}
}

// peeker reads what stands in a window, as far as a row may reach, without using it.
type peeker struct {
	w   *window
	pos int
}

func (p *peeker) Read(b []byte) (int, error) {
	if p.pos >= MaxRow || len(p.w.peek(p.pos+1)) <= p.pos {
		return 0, io.EOF
	}
	n := copy(b, p.w.rest()[p.pos:])
	p.pos += n
	return n, nil
}

// isEnvelope reports whether the object that begins here is one: it holds rows that have more columns than itself, or
// nothing but empty lists, or so much that it can be no row.
func (d *decoder) isEnvelope() bool {
	if d.columns == nil {
		return false
	}
	s := d.look()
	switch {
	case s.rows() && s.inner > s.own:
		return true
	case s.own > 0:
		return false
	case s.whole:
		return s.lists > 0 && !s.filled
	default:
		return s.far && (s.lists > 0 || d.rows == 0)
	}
}

// promising reports whether the object that begins here is a row or an envelope.
func (d *decoder) promising() bool {
	if d.columns == nil {
		return true
	}
	s := d.look()
	return s.own >= fewestColumns || d.isEnvelope()
}

// wrapped reads an envelope that stands on its own. Only another object may follow.
func (d *decoder) wrapped() error {
	if err := d.envelope(); err != nil {
		return err
	}
	if c, ok := d.w.blanks(); ok && c != '{' {
		return errTrailing
	}
	return nil
}

// deepestEnvelope is how many objects an envelope has around its lists.
const deepestEnvelope = 4

// contents is what the lists of an envelope hold.
type contents struct{ rows, empty, other bool }

var errEnvelope = errors.New("an object holds lists, and none of them is one of rows")

// envelope reads an object that is one. Beside rows other lists are passed over; an envelope without rows is believed where
// all its lists are empty.
func (d *decoder) envelope() error {
	var found contents
	if err := d.unwrap(&found, 1); err != nil {
		return err
	}
	if !found.rows && (found.other || !found.empty) {
		return errEnvelope
	}
	return nil
}

func (d *decoder) unwrap(found *contents, depth int) error {
	d.w.pos++
	for {
		c, ok := d.w.blanks()
		var err error
		switch {
		case !ok:
			return d.cut()
		case c == '}':
			d.w.pos++
			return nil
		case c == ',' || c == ':' || c == ']':
			d.w.pos++
		case c == '[':
			err = d.innerList(found)
		case c == '{' && depth < deepestEnvelope:
			err = d.unwrap(found, depth+1)
		default:
			found.other = found.other || c == '{'
			err = d.skip(frame{})
		}
		if err != nil {
			return err
		}
	}
}

// innerList reads a list of rows, or passes over another one.
func (d *decoder) innerList(found *contents) error {
	switch s := d.look(); {
	case s.rows():
		found.rows = true
		d.w.pos++
		return d.list()
	case s.whole && !s.filled:
		found.empty = true
	default:
		found.other = true
	}
	return d.skip(frame{})
}
