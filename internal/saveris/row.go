package saveris

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxRow is the number of bytes of a row's own text that a Row carries. A longer row arrives cut, with Err set.
const MaxRow = 128 << 10

// Row is one record of a result as the vendor wrote it, before anybody has judged it. It is valid only until the next
// one is read: whoever keeps something of it copies that.
type Row struct {
	Raw    []byte  // the record's own text, blanks around it cut, MaxRow bytes at most
	Fields []Field // its columns in the vendor's order; nil where Err is set
	Err    error   // why the record is no list of columns: no JSON object, a wrong number of CSV fields, too long
}

// Field is one column of a row.
type Field struct {
	Name string
	Kind Kind
	Text []byte // String: the text, unescaped. Number, Bool, Nested and NotFinite: the literal as written. Null: nil
}

// Kind says how the vendor wrote a value.
type Kind uint8

// The kinds of values. An empty CSV field is Null, any other CSV field is String.
const (
	Null Kind = iota
	String
	Number
	Bool
	Nested    // an object or an array
	NotFinite // NaN, Infinity or the like, without quotes: a broken probe's number, which JSON does not know
)

// AppendJSON appends the field's value as JSON: the vendor's own literal, or the text quoted, as is NaN. Bytes that are no
// UTF-8 become U+FFFD.
func (f Field) AppendJSON(b []byte) []byte {
	switch f.Kind {
	case Null:
		return append(b, "null"...)
	case String, NotFinite:
		text := f.Text
		if !utf8.Valid(text) {
			text = []byte(string([]rune(string(text))))
		}
		b, _ = jsontext.AppendQuote(b, text) // fails on invalid UTF-8 only
		return b
	default:
		return append(b, f.Text...)
	}
}
