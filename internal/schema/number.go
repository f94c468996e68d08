package schema

import (
	"bytes"
	"math"
	"strconv"
)

// isNumber says whether the text is a number as JSON writes it, with nothing around it.
func isNumber(s []byte) bool {
	n := integerLen(s)
	if n == 0 {
		return false
	}
	s = s[n:]
	if len(s) > 0 && s[0] == '.' {
		if n = digitsLen(s[1:]); n == 0 {
			return false
		}
		s = s[1+n:]
	}
	return len(s) == 0 || isExponent(s)
}

// isInteger says whether the text is a JSON number without fraction and exponent.
func isInteger(s []byte) bool {
	n := integerLen(s)
	return n > 0 && n == len(s)
}

// maxInteger is the most digits that a number gets which was not written as an integer.
const maxInteger = 20

// appendInteger appends a whole number as an integer literal: 1.0, 1e0, 10E-1 and 01 are 1. It fails where the text is no
// whole number, or too long a one.
func appendInteger(b, s []byte) ([]byte, bool) {
	s, minus := bytes.CutPrefix(s, []byte("-"))
	whole := digitsLen(s)
	digits, rest := append(make([]byte, 0, 2*maxInteger), s[:whole]...), s[whole:]
	if len(rest) > 0 && rest[0] == '.' {
		n := 1 + digitsLen(rest[1:])
		if n == 1 {
			return b, false
		}
		digits, rest = append(digits, rest[1:n]...), rest[n:]
	}
	point := whole // where it stands among the digits
	if len(rest) > 0 {
		exponent, err := strconv.Atoi(string(rest[1:]))
		if err != nil || !isExponent(rest) {
			return b, false
		}
		point += exponent
	}
	zeros := len(digits)
	digits = bytes.TrimLeft(digits, "0")
	point -= zeros - len(digits)
	digits = bytes.TrimRight(digits, "0")
	switch {
	case whole == 0:
		return b, false
	case len(digits) == 0:
		return append(b, '0'), true
	case point < len(digits) || point > maxInteger:
		return b, false
	}
	if minus {
		b = append(b, '-')
	}
	b = append(b, digits...)
	for range point - len(digits) {
		b = append(b, '0')
	}
	return b, true
}

// notFinite reports whether a text is the word for a number that JSON does not know.
func notFinite(s []byte) bool {
	if len(s) > len("-infinity") {
		return false
	}
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	return bytes.EqualFold(s, []byte("nan")) || bytes.EqualFold(s, []byte("infinity")) || bytes.EqualFold(s, []byte("inf"))
}

// integerLen is the length of the integer that s begins with, 0 if it begins with none. A number has no leading zeros.
func integerLen(s []byte) int {
	sign := 0
	if len(s) > 0 && s[0] == '-' {
		sign = 1
	}
	n := digitsLen(s[sign:])
	switch {
	case n == 0:
		return 0
	case s[sign] == '0':
		return sign + 1
	default:
		return sign + n
	}
}

func digitsLen(s []byte) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

func isExponent(s []byte) bool {
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	s = s[1:]
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return len(s) > 0 && digitsLen(s) == len(s)
}

// appendCanonical appends a JSON number in the shortest form that reads back as the same float64, as RFC 8785 writes
// it: plain decimals from 1e-6 up to 1e21, and no minus before zero. A number that is too large for a float64 stays the
// literal.
func appendCanonical(b, literal []byte) []byte {
	if n := shortDecimal(literal); n > 0 {
		return append(b, literal[:n]...)
	}
	f, err := strconv.ParseFloat(string(literal), 64)
	switch abs := math.Abs(f); {
	case err != nil:
		return append(b, literal...)
	case f == 0:
		return append(b, '0')
	case abs < 1e-6 || abs >= 1e21:
		return appendScientific(b, f)
	default:
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
}

// shortDecimal spares the way through a float64 for what nearly every reading looks like: a decimal of at most 15 digits,
// which is its own shortest form up to the zeros at its end, and which does not begin with a zero. It is the length of
// that form, 0 for any other number.
func shortDecimal(literal []byte) int {
	digits := literal
	if digits[0] == '-' {
		digits = digits[1:]
	}
	whole := digitsLen(digits)
	if digits[0] == '0' || len(digits) > 16 || len(digits) == 16 && whole == 16 {
		return 0
	}
	n := len(literal)
	if whole == len(digits) {
		return n
	}
	if digits[whole] != '.' || whole+1+digitsLen(digits[whole+1:]) != len(digits) {
		return 0
	}
	for literal[n-1] == '0' {
		n--
	}
	if literal[n-1] == '.' {
		n--
	}
	return n
}

// appendScientific writes 1e-7 and 1e+21, where strconv writes an exponent of two digits at least.
func appendScientific(b []byte, f float64) []byte {
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	if n := len(b); b[n-2] == '0' && (b[n-3] == '-' || b[n-3] == '+') {
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}
