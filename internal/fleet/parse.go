package fleet

import (
	"bytes"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// pools are those of columns, by name.
type pools map[string]pool

func (p pools) of(name []byte) pool {
	found, known := p[string(name)]
	if !known && len(p) < 1000 {
		found = pool{}
		p[string(name)] = found
	}
	return found
}

// stored is the data of a change as it is stored, see schema.FleetChange.
type stored struct {
	kind     Kind
	key      string
	document []byte // a part of the data
	removed  bool
}

// readStored takes the data of a change apart. Members that it does not know are passed over.
func readStored(data []byte) (s stored, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(data), ours)
	if d.PeekKind() != '{' {
		return s, fmt.Errorf("no object, but begins with %q", d.PeekKind())
	}
	err = members(d, func(name []byte) error {
		literal, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch string(name) {
		case "kind":
			s.kind = Kind(plain(value(literal)))
		case "key":
			s.key = plain(value(literal))
		case "document":
			end := d.InputOffset()
			s.document = data[end-int64(len(literal)) : end]
		case "removed":
			s.removed = literal.Kind() == 't'
		}
		return nil
	})
	if err == nil && d.PeekKind() != 0 {
		err = fmt.Errorf("behind the object stands %q", d.PeekKind())
	}
	return s, err
}

// parseObject reads a document as appendJSON has written it, in one go. Members that the shape does not know are dropped.
func (p pools) parseObject(s *shape, text []byte) (*object, error) {
	return p.readObject(jsontext.NewDecoder(bytes.NewBuffer(text), ours), s)
}

// ours are options for what the bridge has written: a column that we do not know may hold anything.
var ours = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func (p pools) readObject(d *jsontext.Decoder, s *shape) (*object, error) {
	if d.PeekKind() != '{' {
		return nil, fmt.Errorf("no object, but begins with %q", d.PeekKind())
	}
	o, nested := &object{shape: s, cells: make([]value, len(s.columns))}, s.nest == ""
	err := members(d, func(name []byte) (err error) {
		at, column := s.index[string(name)]
		switch {
		case column && at < len(s.columns):
			o.cells[at], err = p.readValue(d, name)
		case string(name) == s.nest && !nested:
			nested = true
			if o.inner, err = p.readObjects(d, s.inner); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
		case string(name) == "other":
			err = members(d, func(name []byte) error {
				if _, listed := s.index[string(name)]; s.partial && !listed {
					return d.SkipValue()
				}
				v, err := p.readValue(d, name)
				o.set(string(name), v)
				return err
			})
		default:
			err = d.SkipValue()
		}
		return err
	})
	if err == nil && !nested {
		err = fmt.Errorf("without %s", s.nest)
	}
	return o, err
}

// readObjects reads the list of the objects within another.
func (p pools) readObjects(d *jsontext.Decoder, s *shape) (all []*object, err error) {
	if d.PeekKind() != '[' {
		return nil, fmt.Errorf("no list, but begins with %q", d.PeekKind())
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() != ']' {
		o, err := p.readObject(d, s)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	_, err = d.ReadToken()
	return all, err
}

// readValue reads the value of a column.
func (p pools) readValue(d *jsontext.Decoder, column []byte) (value, error) {
	literal, err := d.ReadValue()
	if err != nil || literal.Kind() == 'n' {
		return null, err
	}
	return p.of(column).of(literal), nil
}

// members reads an object: each is to read the value behind a name, which it must not keep.
func members(d *jsontext.Decoder, each func(name []byte) error) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	var room [64]byte
	for d.PeekKind() == '"' {
		literal, err := d.ReadValue()
		if err != nil {
			return err
		}
		name, err := jsontext.AppendUnquote(room[:0], literal)
		if err != nil {
			return err
		}
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
