package schema

import (
	"encoding/binary"

	"github.com/go-json-experiment/json/jsontext"
)

// appendText appends the text as a JSON string, nil as null. The text is valid UTF-8.
func appendText(b, text []byte) []byte {
	if text == nil {
		return append(b, "null"...)
	}
	if !jsonSafe(text) {
		b, _ = jsontext.AppendQuote(b, text) // fails on invalid UTF-8 only
		return b
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

const ones, high = 0x0101010101010101, 0x8080808080808080

// zero and below find a byte of eight that is zero, or less than a bound up to 128, by the well-known tricks: the result
// is 0 if there is none. Others than the lowest of its bits may be wrong.
func zero(v uint64) uint64            { return (v - ones) &^ v & high }
func below(v uint64, c uint64) uint64 { return (v - ones*c) &^ v & high }

// jsonSafe reports whether JSON quotes the text as it is: no control characters, no quotes, no backslashes.
func jsonSafe(text []byte) bool {
	for len(text) >= 8 {
		v := binary.LittleEndian.Uint64(text)
		if below(v, ' ')|zero(v^ones*'"')|zero(v^ones*'\\') != 0 {
			return false
		}
		text = text[8:]
	}
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendName appends a text that needs no escapes, the empty one as null.
func appendName[T string | []byte](b []byte, name T) []byte {
	if len(name) == 0 {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"')
}

// appendNumber appends a literal, none as null.
func appendNumber[T string | []byte](b []byte, literal T) []byte {
	if len(literal) == 0 {
		return append(b, "null"...)
	}
	return append(b, literal...)
}

// bare holds the bytes that stand for themselves in a header of the NATS binding: printable ASCII without the blank,
// the double quote and the percent sign.
var bare = func() (bare [256]bool) {
	for c := '!'; c <= '~'; c++ {
		bare[c] = c != '"' && c != '%'
	}
	return bare
}()

// headerSafe reports whether the text stands in a header as it is.
func headerSafe(text []byte) bool {
	for len(text) >= 8 {
		v := binary.LittleEndian.Uint64(text)
		if v&high|below(v, '!')|zero(v^ones*0x7f)|zero(v^ones*'"')|zero(v^ones*'%') != 0 {
			return false
		}
		text = text[8:]
	}
	for _, c := range text {
		if !bare[c] {
			return false
		}
	}
	return true
}

// appendPercent appends the text as the NATS protocol binding of CloudEvents writes an attribute in a header.
func appendPercent(b, text []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range text {
		if bare[c] {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}
