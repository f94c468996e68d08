package main

import (
	"fmt"
	"strings"
	"unicode"
)

// printable makes a text of foreign origin safe for a terminal and one line long: whatever cannot be printed, controls
// and marks that turn the direction of writing among it, is written as \u and four hex digits.
func printable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unprintable(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
