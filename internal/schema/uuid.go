package schema

import (
	"bytes"
	"encoding/binary"
)

const uuidLen = 36

// uuidOf cuts the blanks around a uuid and brings it into lower case. Other texts keep their case: whether two that differ in
// it are one, only their maker knows, and to take two for one would lose a row.
func (m *Maker) uuidOf(text []byte) []byte {
	text = bytes.TrimSpace(text)
	if len(text) != uuidLen || !hasUpper(text) || !isUUID(text) {
		return text
	}
	n := len(m.arena)
	m.arena = appendLower(m.arena, text)
	return m.arena[n:len(m.arena):len(m.arena)]
}

// hasUpper reports whether ASCII text has a capital letter; of any other text it knows nothing.
func hasUpper(text []byte) bool {
	for len(text) >= 8 {
		v := binary.LittleEndian.Uint64(text)
		if (v+ones*(0x80-'A'))&^(v+ones*(0x7f-'Z'))&high != 0 {
			return true
		}
		text = text[8:]
	}
	for _, c := range text {
		if 'A' <= c && c <= 'Z' {
			return true
		}
	}
	return false
}

// spelledUUID reports whether a text is as long as a uuid and stands in ids, headers and JSON as it is, with no capital letter
// in it: there is nothing but digits, small letters, hyphens and a few signs that do no harm.
func spelledUUID(text []byte) bool {
	if len(text) != uuidLen {
		return false
	}
	odd := uint64(0)
	for _, i := range [...]int{0, 8, 16, 24, uuidLen - 8} {
		v := binary.LittleEndian.Uint64(text[i:])
		capital := (v + ones*(0x80-'@')) &^ (v + ones*(0x7f-'`')) // or a sign beside them
		odd |= (v | below(v, '-') | capital | (v + ones*(0x7f-'z'))) & high
	}
	return odd == 0
}

// isNil reports whether a text of a uuid's length is the nil uuid, which names nothing.
func isNil(text []byte) bool { return string(text) == "00000000-0000-0000-0000-000000000000" }

// isNothing reports whether a text is a word for a uuid that is not there: Hive and Athena write \N, encoders of many languages the
// others. Rows that had it for an id would all be one.
func isNothing(text []byte) bool {
	if len(text) > len("undefined") {
		return false
	}
	for _, word := range [...]string{"null", `\n`, "none", "nil", "undefined"} {
		if len(word) == len(text) && bytes.EqualFold(text, []byte(word)) {
			return true
		}
	}
	return false
}

// isUUID reports whether a text has the shape of a uuid, in any case.
func isUUID(text []byte) bool {
	if len(text) != uuidLen {
		return false
	}
	for i, c := range text {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f'):
			return false
		}
	}
	return true
}
