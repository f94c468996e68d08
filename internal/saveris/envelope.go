package saveris

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// An envelope is an object that holds the rows in lists: {"measurements": […]}, under any names, beside other members, in
// objects within it. A row may hold lists of its own; what has more columns of the feed decides which of the two an object is.

// sight is what stands in an object or a list, as far as one can look ahead.
type sight struct {
	own   int  // columns of the feed that are its own members
	inner int  // the most columns that an object has which stands in a list within it
	lists bool // it has lists,
	empty bool // one that holds nothing,
	other bool // one that holds objects or lists
	fault bool // it says that something went wrong
	whole bool // its end was in sight
	far   bool // it goes on behind what can be looked at

	around []string // columns of the feed that are its own, folded
	within []string // columns of those in lists within it, each once
	open   []level
}

// grouped reports whether it has columns of the feed that what stands in lists within it lacks.
func (s *sight) grouped() bool {
	lacking := 0
	for _, name := range s.around {
		if !slices.Contains(s.within, name) {
			lacking++
		}
	}
	return lacking >= fewestColumns
}

// level is an object or a list that is open where one looks.
type level struct {
	list    bool
	faults  bool   // what stands in it is about what went wrong
	name    string // folded, of the member at hand
	within  bool   // a list
	holds   bool   // anything
	columns int
}

// rows reports whether one of its lists holds rows.
func (s *sight) rows() bool { return s.inner >= fewestColumns }

// nothing reports whether it has a list for rows, and it is empty. Lists of texts and numbers may stand beside it.
func (s *sight) nothing() bool { return s.whole && s.empty && !s.other && !s.fault }

// deepestLook bounds the looks at lines of which each opens another object and none is closed.
const deepestLook = 16

// look looks at the object or list that begins here. Nothing is used.
func (d *decoder) look() (s sight) {
	reader := &peeker{w: d.w}
	dec := jsontext.NewDecoder(reader, strictOption, jsontext.AllowDuplicateNames(true))
	for {
		token, err := dec.ReadToken()
		if err != nil || dec.StackDepth() > deepestLook {
			s.far = reader.pos >= MaxRow
			return s
		}
		switch kind := token.Kind(); kind {
		case '{', '[':
			s.begin(kind == '[')
		case '}', ']':
			if s.end(); len(s.open) == 0 {
				s.whole = true
				return s
			}
		default:
			at := &s.open[len(s.open)-1]
			at.holds = true
			if _, n := dec.StackIndex(len(s.open)); at.list {
				continue
			} else if n%2 == 0 {
				s.fault = s.fault || !at.within && isFault(at.name, token)
			} else if at.name = fold(token.String()); d.columns[at.name] {
				s.column()
			}
		}
	}
}

func (s *sight) begin(list bool) {
	next := level{list: list}
	if n := len(s.open); n > 0 {
		parent := &s.open[n-1]
		parent.holds, next.within = true, parent.within || parent.list
		next.faults = parent.faults || faultNames[parent.name]
		s.other = s.other || parent.list
	}
	s.lists = s.lists || list
	s.open = append(s.open, next)
}

func (s *sight) end() {
	last := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	s.empty = s.empty || last.list && !last.holds && !last.faults
}

// faultNames are those of members, folded, that hold what went wrong.
var faultNames = map[string]bool{"error": true, "errors": true, "exception": true, "exceptions": true, "fault": true, "faults": true}

// isFault reports whether a member that is neither object nor list says that something went wrong.
func isFault(name string, value jsontext.Token) bool {
	if value.Kind() != '"' {
		return false
	}
	said := fold(value.String())
	return faultNames[name] && said != "" || name == "status" && (said == "error" || said == "failed")
}

// column counts one of the object that is open.
func (s *sight) column() {
	at := &s.open[len(s.open)-1]
	at.columns++
	if len(s.open) == 1 {
		s.own++
		s.around = append(s.around, at.name)
	} else if at.within {
		if s.inner = max(s.inner, at.columns); !slices.Contains(s.within, at.name) {
			s.within = append(s.within, at.name)
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
// an empty list for them, or so much that it can be no row.
func (d *decoder) isEnvelope() bool {
	if d.columns == nil {
		return false
	}
	s := d.look()
	d.grouped = s.grouped()
	switch {
	case s.rows() && s.inner > s.own:
		return !d.grouped || !isSnapshot(d.feed) // a thing of the fleet holds those within it
	case s.own > 0:
		return false
	case s.whole:
		return s.nothing()
	default:
		return s.far && (s.lists || d.rows == 0)
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

// contents is what the lists of an envelope hold, and what stands beside them.
type contents struct {
	beside
	rows, empty, other bool
}

// errGrouped: rows that are grouped would be read without what they have in common.
var errGrouped = &foreignError{"rows stand in an object that has columns that they lack"}

var errEnvelope = errors.New("an object holds lists, and none of them is one of rows")

// envelope reads an object that is one. Beside rows other lists are passed over; an envelope without rows is believed where a
// list is empty and none holds objects or lists.
func (d *decoder) envelope() error {
	if d.grouped {
		return errGrouped
	}
	var found contents
	if err := d.unwrap(&found, 1, false); err != nil {
		return err
	}
	if err := found.err(); err != nil {
		return err
	}
	d.total = max(d.total, found.total)
	if !found.rows && (found.other || !found.empty) {
		return errEnvelope
	}
	return nil
}

// unwrap reads an object of an envelope. Fault says that it is about what went wrong.
func (d *decoder) unwrap(found *contents, depth int, fault bool) error {
	d.w.pos++
	for name, named := "", false; ; {
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
			named = named && c != ','
		case c == '[':
			err = d.innerList(found, name)
		case c == '{' && depth < deepestEnvelope:
			err = d.unwrap(found, depth+1, fault || faultNames[name])
		case c == '{' || named:
			found.other = found.other || c == '{'
			found.value(name, d.headOfValue(), fault)
			err = d.skip(frame{})
		default:
			name, named = fold(strings.Trim(d.headOfValue(), `"`)), true
			err = d.skip(frame{})
		}
		if err != nil {
			return err
		}
	}
}

// headOfValue is the text of the name or value that begins here, as far as it matters.
func (d *decoder) headOfValue() string {
	const matters = 64
	var f frame
	head := d.w.peek(matters)
	for i, c := range head {
		if f.step(c); !f.open() && (c == ',' || c == ']' || c == '}' || c == ':') {
			return strings.TrimSpace(string(head[:i]))
		}
	}
	return string(head)
}

// innerList reads a list of rows, or passes over another one, which has a name.
func (d *decoder) innerList(found *contents, name string) error {
	switch s := d.look(); {
	case s.rows():
		found.rows = true
		d.w.pos++
		return d.list()
	case s.nothing():
		found.empty = true
	default:
		found.other = found.other || s.other
		found.list(name, false)
	}
	return d.skip(frame{})
}
