// Package printable makes texts of foreign origin safe to print.
package printable

import (
	"fmt"
	"strings"
	"unicode"
)

// Text returns a text of foreign origin safe for a terminal and on one line: whatever cannot be printed, controls and marks that
// turn the direction of writing among it, is written as \u and four hex digits.
func Text(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, Unsafe) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if Unsafe(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Unsafe reports whether a character cannot be printed: controls, and marks that turn the direction of writing.
func Unsafe(r rune) bool { return !unicode.IsPrint(r) }
