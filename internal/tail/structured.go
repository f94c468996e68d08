package tail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
)

// structured returns a stored event in the JSON format of CloudEvents, on one line. The data is what is stored, its numbers
// with all their digits. Whatever a terminal might take for an order is escaped. The SDK's JSON is not used: it has data before
// the extensions, other than the bridge stores in structured mode, and writes time and source in its own spelling.
func structured(header map[string][]string, body []byte) (string, error) {
	attributes, data, err := schema.Unwrap(header, body)
	if err != nil {
		return "", err
	}
	_, event := schema.Message(schema.Structured, attributes, data)
	var line bytes.Buffer
	if err := json.Compact(&line, event); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	return printableJSON(line.String()), nil
}

// printableJSON escapes what cannot be printed, as printable does, and leaves the JSON valid: only a text can hold it.
func printableJSON(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, printable.Unsafe) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !printable.Unsafe(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
