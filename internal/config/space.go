package config

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cut takes away from both ends of a value what was not meant. Of a secret that is the white space of ASCII alone, and a byte
// order mark: any other character may belong to a password.
func (v Variable) cut(text string) string {
	if v.File && v.Name != "SAVERIS_API_KEY" { // a key has no character beyond ASCII
		return cutBlanks(text)
	}
	return TrimSpace(text)
}

func cutBlanks(text string) string {
	return strings.Trim(strings.TrimPrefix(text, "\ufeff"), " \t\n\v\f\r")
}

// TrimSpace returns a text without what cannot be seen at its ends: white space of any script, and the marks without width that come along
// when text is copied from a web page.
func TrimSpace(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("\u200b\u200c\u200d\u2060\ufeff", r)
	})
}

// oneLine reports whether a text is what a variable may hold: UTF-8 without line ends and other control characters.
func oneLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
