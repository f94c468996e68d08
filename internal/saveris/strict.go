package saveris

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	errNoObject  = errors.New("the row is no JSON object")
	errTooLong   = fmt.Errorf("the row is longer than %d bytes", MaxRow)
	strictOption = jsontext.AllowInvalidUTF8(true) // see scanner.unquote
)

// strict reads one JSON object, nested or not, by the book into s.fields: the second opinion on everything that
// scan does not take. A name that comes twice is an error. Numbers that JSON does not know are as good as others.
func (s *scanner) strict(raw []byte) error {
	err := s.byTheBook(raw, raw)
	if err != nil {
		if masked := maskNotFinite(raw); masked != nil {
			return s.byTheBook(masked, raw)
		}
	}
	return err
}

// byTheBook reads the object book, and takes its texts and literals from raw, which is the same but for numbers that JSON
// does not know.
func (s *scanner) byTheBook(book, raw []byte) error {
	s.fields, s.text = s.fields[:0], s.text[:0]
	if len(raw) == 0 || raw[0] != '{' {
		return errNoObject
	}
	dec := jsontext.NewDecoder(bytes.NewReader(book), strictOption)
	if _, err := dec.ReadToken(); err != nil {
		return fmt.Errorf("%w: %w", errNoObject, err)
	}
	for dec.PeekKind() != '}' {
		if err := s.member(dec, raw); err != nil {
			return fmt.Errorf("%w: %w", errNoObject, err)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return fmt.Errorf("%w: %w", errNoObject, err)
	}
	if rest := int(dec.InputOffset()); skipBlanks(raw, rest) != len(raw) {
		return fmt.Errorf("%w: text follows it", errNoObject)
	}
	return nil
}

func (s *scanner) member(dec *jsontext.Decoder, raw []byte) error {
	quoted, err := literal(dec, raw)
	if err != nil {
		return err
	}
	name, ok := s.unquote(quoted)
	if !ok {
		return errors.New("a name cannot be unquoted")
	}
	f := Field{Name: string(name)}
	value, err := literal(dec, raw)
	if err != nil {
		return err
	}
	switch kind := jsontext.Value(value).Kind(); {
	case notFiniteEnd(value, 0) == len(value):
		f.Kind, f.Text = NotFinite, value
	case kind == 'n':
	case kind == '"':
		if f.Text, ok = s.unquote(value); !ok {
			return errors.New("a text cannot be unquoted")
		}
		f.Kind = String
	case kind == '0':
		f.Kind, f.Text = Number, value
	case kind == 't' || kind == 'f':
		f.Kind, f.Text = Bool, value
	default:
		f.Kind, f.Text = Nested, value
	}
	s.fields = append(s.fields, f)
	return nil
}

// literal returns the next value as it stands in raw: what the decoder returns lives only until its next call.
func literal(dec *jsontext.Decoder, raw []byte) ([]byte, error) {
	v, err := dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(dec.InputOffset())
	return raw[end-len(v) : end : end], nil
}
