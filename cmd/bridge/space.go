package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cut takes away from both ends of a value what was not meant. Of a secret that is the white space of ASCII alone, and a byte
// order mark: any other character may belong to a password.
func (v variable) cut(text string) string {
	if v.File && v.Name != "SAVERIS_API_KEY" { // a key has no character beyond ASCII
		return cutBlanks(text)
	}
	return cutSpace(text)
}

func cutBlanks(text string) string {
	return strings.Trim(strings.TrimPrefix(text, "\ufeff"), " \t\n\v\f\r")
}

// cutSpace cuts whatever cannot be seen at an end: white space of any script, and the marks without width that come along
// when text is copied from a web page.
func cutSpace(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("\u200b\u200c\u200d\u2060\ufeff", r)
	})
}

// oneLine tells whether a text is what a variable may hold: UTF-8 without line ends and other control characters.
func oneLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
