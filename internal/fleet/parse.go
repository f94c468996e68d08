package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// pools are those of columns, by name.
type pools map[string]pool

func (p pools) of(name string) pool {
	found, known := p[name]
	if !known && len(p) < 1000 {
		found = pool{}
		p[name] = found
	}
	return found
}

// parseObject reads a document as appendJSON has written it. Members that the shape does not know are dropped.
func (p pools) parseObject(s *shape, text []byte) (*object, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, fmt.Errorf("the document is no object (%v)", err)
	}
	o := &object{shape: s, cells: make([]value, len(s.columns))}
	for i, c := range s.columns {
		if literal := members[c.name]; len(literal) > 0 && !bytes.Equal(literal, []byte("null")) {
			o.cells[i] = p.of(c.name).of(literal)
		}
	}
	if s.nest != "" {
		var parts []json.RawMessage
		if err := json.Unmarshal(members[s.nest], &parts); err != nil {
			return nil, fmt.Errorf("%s: %w", s.nest, err)
		}
		for _, part := range parts {
			inner, err := p.parseObject(s.inner, part)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.nest, err)
			}
			o.inner = append(o.inner, inner)
		}
	}
	return o, p.parseOther(o, members["other"])
}

func (p pools) parseOther(o *object, text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	var other map[string]json.RawMessage
	if err := json.Unmarshal(text, &other); err != nil {
		return fmt.Errorf("other: %w", err)
	}
	for name, literal := range other {
		o.set(name, p.of(name).of(literal))
	}
	return nil
}
