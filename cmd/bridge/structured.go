package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// ceOrder is the order in which the attributes of an event are written; extensions follow by name.
var ceOrder = []string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"}

// structured gives a stored event in the JSON format of CloudEvents, on one line. The data is what is stored, its numbers
// with all their digits. Whatever a terminal might take for an order is escaped.
func structured(header map[string][]string, data []byte) (string, error) {
	attributes := map[string]string{}
	for key, values := range header {
		name, ours := strings.CutPrefix(strings.ToLower(key), "ce-")
		if !ours || len(values) == 0 {
			continue
		}
		value, err := url.PathUnescape(values[0])
		if err != nil {
			return "", fmt.Errorf("header %s: %w", key, err)
		}
		attributes[name] = value
	}
	var b bytes.Buffer
	write := func(name string) error {
		value, err := json.Marshal(attributes[name])
		fmt.Fprintf(&b, "%q:%s,", name, value)
		delete(attributes, name)
		return err
	}
	b.WriteByte('{')
	for _, name := range append(slices.Clone(ceOrder), slices.Sorted(maps.Keys(attributes))...) {
		if _, there := attributes[name]; !there {
			continue
		}
		if err := write(name); err != nil {
			return "", err
		}
	}
	b.WriteString(`"data":`)
	if err := json.Compact(&b, data); err != nil {
		return "", fmt.Errorf("data: %w", err)
	}
	b.WriteByte('}')
	return printableJSON(b.String()), nil
}

// printableJSON escapes what cannot be printed, as printable does, and leaves the JSON valid: only a text can hold it.
func printableJSON(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !unprintable(r):
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
