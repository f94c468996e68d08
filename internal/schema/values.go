package schema

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/saveris"
)

// What follows writes values of the vendor that stand in no event, a device's name or a limit, in the form that events have
// theirs in. It keeps nothing and serves any number of goroutines.

// AppendMoment appends a time as RFC 3339 in UTC, without the zeros at the end of its fraction. ok is false, and nothing is
// appended, where the text is no time. It knows no names of time zones.
func AppendMoment(b, text []byte) (_ []byte, ok bool) {
	stamp, _, ok := zones(nil).appendTime(nil, trimBlanks(text))
	if !ok {
		return b, false
	}
	return appendMoment(b, stamp), true
}

// AppendInteger appends a whole number in any spelling (1.0, 1e0, 01) as an integer. ok is false, and nothing is appended,
// where the text is none.
func AppendInteger(b, text []byte) (_ []byte, ok bool) {
	n := len(b)
	b, ok = appendInteger(b, trimBlanks(text))
	if !ok {
		return b[:n], false
	}
	return b, true
}

// AppendNumber appends a number as RFC 8785 writes it. ok is false, and nothing is appended, where the text is no number that
// JSON knows.
func AppendNumber(b, text []byte) (_ []byte, ok bool) {
	if text = trimBlanks(text); !isNumber(text) {
		return b, false
	}
	return appendCanonical(b, text), true
}

// AppendText appends a text as a JSON string; bytes that are no UTF-8 become U+FFFD.
func AppendText(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, `""`...)
	}
	return appendText(b, validUTF8(text))
}

// AppendUUID appends a text as a JSON string, without the blanks around it, and in lower case if it is a uuid. It appends nothing
// where it is a word for a uuid that is not there.
func AppendUUID(b, text []byte) []byte {
	switch text = trimBlanks(text); {
	case len(text) == 0 || isNothing(text) || isNil(text):
		return b
	case !spelledUUID(text) && isUUID(text):
		return append(appendLower(append(b, '"'), text), '"')
	}
	return AppendText(b, text)
}

// UnitCode returns the UCUM code of a unit as the vendor writes it, empty for one that is not known.
func UnitCode(unit []byte) string { return unitCode(unit) }

// AppendVendor appends a value as the vendor wrote it, but for blanks between its tokens.
func AppendVendor(b []byte, f saveris.Field) []byte {
	value := jsontext.Value(appendValue(nil, f))
	if f.Kind == saveris.Nested {
		_ = value.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) // what is no JSON has become a text
	}
	return append(b, value...)
}

// AppendCanonical appends JSON as RFC 8785 writes it. ok is false, and nothing is appended, where the text is no JSON, or a name
// comes twice in an object.
func AppendCanonical(b, text []byte) (_ []byte, ok bool) {
	value := jsontext.Value(bytes.Clone(text))
	if value.Canonicalize() != nil {
		return b, false
	}
	return append(b, value...), true
}
