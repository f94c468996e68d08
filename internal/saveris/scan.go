package saveris

import (
	"encoding/binary"
	"math/bits"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner takes one flat JSON object apart by hand: a few hundred nanoseconds a row, no allocation. Whatever is not
// flat, or odd in any way, it leaves to the strict library (strict.go); where both accept a row they give the same
// fields, which FuzzScan holds.
type scanner struct {
	names  columns
	fields []Field
	text   []byte // unescaped strings of the row at hand
}

// scan reads the object at the start of b into s.fields and returns its length, 0 where it is not its kind of object.
func (s *scanner) scan(b []byte) int {
	s.fields, s.text = s.fields[:0], s.text[:0]
	s.names.begin()
	if len(b) == 0 || b[0] != '{' {
		return 0
	}
	i := skipBlanks(b, 1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		name, n := s.names.guess(b[i:])
		if n == 0 {
			if name, n = s.name(b[i:]); n == 0 {
				return 0
			}
		}
		if i = s.value(name, b, skipBlanks(b, i+n)); i == 0 {
			return 0
		}
		if i = skipBlanks(b, i); i >= len(b) {
			return 0
		}
		switch b[i] {
		case ',':
			i = skipBlanks(b, i+1)
		case '}':
			return i + 1
		default:
			return 0
		}
	}
}

// name reads the name at the start of b and returns the length up to and including the colon, 0 where it is odd or was there
// before.
func (s *scanner) name(b []byte) (name string, n int) {
	if len(b) == 0 || b[0] != '"' {
		return "", 0
	}
	n, plain := stringEnd(b[1:])
	if n < 0 || !plain {
		return "", 0
	}
	name, ok := s.names.intern(b[1 : 1+n])
	if n = skipBlanks(b, n+2); !ok || n >= len(b) || b[n] != ':' {
		return "", 0
	}
	return name, n + 1
}

// value appends the field whose value begins at b[i] and returns where it ends, 0 where it is not flat or not sound.
func (s *scanner) value(name string, b []byte, i int) int {
	if i >= len(b) {
		return 0
	}
	f := Field{Name: name}
	end := 0
	switch b[i] {
	case '"':
		n, plain := stringEnd(b[i+1:])
		if n < 0 {
			return 0
		}
		end = i + n + 2
		f.Kind, f.Text = String, b[i+1:i+1+n]
		if !plain {
			text, ok := s.unquote(b[i:end])
			if !ok {
				return 0
			}
			f.Text = text
		}
	case 't', 'f':
		end = literalEnd(b, i, "true") + literalEnd(b, i, "false")
		f.Kind, f.Text = Bool, b[i:max(i, end)]
	case 'n':
		end = literalEnd(b, i, "null")
	case '[':
		end = plainListEnd(b, i)
		f.Kind, f.Text = Nested, b[i:max(i, end)]
	default:
		end = numberEnd(b, i)
		f.Kind, f.Text = Number, b[i:max(i, end)]
	}
	if end == 0 {
		end = notFiniteEnd(b, i)
		f.Kind, f.Text = NotFinite, b[i:max(i, end)]
	}
	if end != 0 {
		s.fields = append(s.fields, f)
	}
	return end
}

// unquote returns the text of a quoted JSON string. Bytes that are no UTF-8 stay as they are where nothing is escaped
// and become U+FFFD where something is: a wrong byte in a name is no reason to reject a reading.
func (s *scanner) unquote(quoted []byte) (text []byte, ok bool) {
	if n, plain := stringEnd(quoted[1:]); plain && n == len(quoted)-2 {
		return quoted[1 : 1+n], true
	}
	from := len(s.text)
	out, err := jsontext.AppendUnquote(s.text, quoted)
	if err != nil && !onlyUTF8(quoted) {
		return nil, false
	}
	s.text = out
	return out[from:len(out):len(out)], true
}

// onlyUTF8 reports whether a string literal is sound but for its UTF-8 and lone surrogates.
func onlyUTF8(quoted []byte) bool {
	return jsontext.Value(quoted).IsValid(jsontext.AllowInvalidUTF8(true))
}

func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stringEnd returns the distance to the quote that ends the string whose text b begins with, and whether the text stands
// for itself, without escapes; -1 where there is no end, or a control character. Eight bytes a step.
func stringEnd(b []byte) (n int, plain bool) {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^lows*'"', x^lows*'\\'
		hit := ((quote-lows)&^quote | (slash-lows)&^slash | (x-lows*' ')&^x) & highs
		if hit == 0 {
			continue
		}
		i += bits.TrailingZeros64(hit) / 8
		if b[i] == '"' {
			return i, true
		}
		return slowStringEnd(b, i)
	}
	return slowStringEnd(b, i)
}

func slowStringEnd(b []byte, i int) (n int, plain bool) {
	plain = true
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i, plain
		case c == '\\':
			plain = false
			i++ // what is escaped is judged by AppendUnquote
		case c < ' ':
			return -1, false
		}
	}
	return -1, false
}

// plainListEnd returns where the list at b[i] ends, 0 where it holds nothing, or anything but texts without escapes: the vendor's
// only column that is no scalar. An empty list may be one of rows.
func plainListEnd(b []byte, i int) int {
	i = skipBlanks(b, i+1)
	for i < len(b) && b[i] == '"' {
		n, plain := stringEnd(b[i+1:])
		if n < 0 || !plain {
			return 0
		}
		i = skipBlanks(b, i+n+2)
		switch {
		case i < len(b) && b[i] == ']':
			return i + 1
		case i >= len(b) || b[i] != ',':
			return 0
		}
		i = skipBlanks(b, i+1)
	}
	return 0
}

func literalEnd(b []byte, i int, word string) int {
	if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
		return i + len(word)
	}
	return 0
}

// numberEnd returns where the JSON number at b[i] ends, 0 where there is none. The literal is kept as it is written.
func numberEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	whole := digits(b, i)
	if whole == i || (b[i] == '0' && whole > i+1) {
		return 0
	}
	i = whole
	if i < len(b) && b[i] == '.' {
		if frac := digits(b, i+1); frac > i+1 {
			i = frac
		} else {
			return 0
		}
	}
	if i >= len(b) || b[i]|0x20 != 'e' {
		return i
	}
	i++
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		i++
	}
	if exp := digits(b, i); exp > i {
		return exp
	}
	return 0
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}
