package saveris

import "bytes"

// notFiniteEnd returns where the number that JSON does not know at b[i] ends, 0 where there is none: NaN and Infinity as
// encoders of many languages write them, in any case, Infinity also as inf, either with a sign.
func notFiniteEnd(b []byte, i int) int {
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	start := i
	for i < len(b) && b[i]|0x20 >= 'a' && b[i]|0x20 <= 'z' {
		i++
	}
	for _, word := range [...]string{"NaN", "Infinity", "Inf"} {
		if len(word) == i-start && bytes.EqualFold(b[start:i], []byte(word)) {
			return i
		}
	}
	return 0
}

// maskNotFinite returns the text with every number that JSON does not know as digits of the same length, so that the strict
// library takes it and each value keeps its place; nil where there is none.
func maskNotFinite(raw []byte) []byte {
	var masked []byte
	var f frame
	for i := 0; i < len(raw); i++ {
		if !f.text && startsValue(raw, i) {
			if end := notFiniteEnd(raw, i); end != 0 {
				if masked == nil {
					masked = bytes.Clone(raw)
				}
				for ; i < end; i++ {
					masked[i] = '1'
				}
				i--
				continue
			}
		}
		f.step(raw[i])
	}
	return masked
}

// startsValue reports whether a value may begin at raw[i], as against within a word or a number.
func startsValue(raw []byte, i int) bool {
	return i == 0 || bytes.IndexByte([]byte(" \t\r\n:,["), raw[i-1]) >= 0
}
