package fleet

import (
	"bytes"
	"encoding/json"
	"strings"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// value is a column's value as canonical JSON; the zero value is null, or not known.
type value string

const null value = ""

// pool gives the values of a column one text each, while they are few: most columns have the same few values in thousands of
// things.
type pool map[string]value

const fewValues = 1024

func (p pool) of(canonical []byte) value {
	if v, known := p[string(canonical)]; known {
		return v
	}
	v := value(canonical)
	if p != nil && len(p) < fewValues {
		p[string(v)] = v
	}
	return v
}

// canonical brings a vendor's value into the one spelling that documents have. ok is false where it is none of its form.
func canonical(b []byte, f form, v saveris.Field) (_ []byte, ok bool) {
	raw := bytes.TrimSpace(v.Text)
	if v.Kind == saveris.Null || len(raw) == 0 {
		return b, true
	}
	switch f {
	case list:
		return appendList(b, v)
	case config:
		return appendConfig(b, v)
	}
	if v.Kind == saveris.Nested || v.Kind == saveris.NotFinite || v.Kind == saveris.Bool && f != truth {
		return b, false
	}
	switch f {
	case uuid:
		if id := schema.UUID(raw); id != "" {
			b = schema.AppendText(b, []byte(id))
		}
		return b, true
	case integer:
		return schema.AppendInteger(b, raw)
	case number:
		return schema.AppendNumber(b, raw)
	case truth:
		return appendTruth(b, raw)
	case moment:
		n := len(b)
		b, ok = schema.AppendMoment(append(b, '"'), raw)
		if !ok {
			return b[:n], false
		}
		return append(b, '"'), true
	case date:
		return appendDate(b, raw)
	case unit:
		return schema.AppendText(b, []byte(unitText(raw))), true
	case connection:
		if len(raw) > 3 && strings.EqualFold(string(raw[:3]), "CT_") {
			raw = raw[3:]
		}
		return schema.AppendText(b, raw), true
	default:
		return schema.AppendText(b, v.Text), true
	}
}

func appendTruth(b, raw []byte) ([]byte, bool) {
	switch strings.ToLower(strings.Trim(string(raw), `"`)) {
	case "true", "1":
		return append(b, "true"...), true
	case "false", "0":
		return append(b, "false"...), true
	}
	return b, false
}

// appendDate takes a day, also where midnight stands behind it.
func appendDate(b, raw []byte) ([]byte, bool) {
	day, rest := raw, []byte(nil)
	if len(raw) > 10 {
		day, rest = raw[:10], raw[10:]
	}
	if _, ok := schema.AppendMoment(nil, append(append([]byte{}, day...), "T00:00:00Z"...)); !ok || len(bytes.Trim(rest, "T tZz0:.+UC")) > 0 {
		return b, false
	}
	return schema.AppendText(b, day), true
}

// unitText is a unit as the current exports write it (document, 15).
func unitText(raw []byte) string {
	switch schema.UnitCode(raw) {
	case "Cel":
		return "°C"
	case "[degF]":
		return "°F"
	}
	return string(raw)
}

// appendList takes a list of texts as JSON, as JSON in a text, or as Athena writes it in CSV: [A, B].
func appendList(b []byte, v saveris.Field) ([]byte, bool) {
	var texts []string
	raw := bytes.TrimSpace(v.Text)
	if v.Kind != saveris.Nested && v.Kind != saveris.String {
		return b, false
	}
	if json.Unmarshal(raw, &texts) != nil {
		inner, opened := bytes.CutPrefix(raw, []byte("["))
		inner, closed := bytes.CutSuffix(inner, []byte("]"))
		if v.Kind == saveris.Nested || opened != closed {
			return b, false
		}
		texts = nil
		for part := range strings.SplitSeq(string(inner), ",") {
			if part = strings.Trim(part, ` "`); part != "" {
				texts = append(texts, part)
			}
		}
	}
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = schema.AppendText(b, []byte(text))
	}
	return append(b, ']'), true
}

// appendConfig takes JSON, also within a text, with its members sorted and its codes in words; any other text stays one.
func appendConfig(b []byte, v saveris.Field) ([]byte, bool) {
	if v.Kind != saveris.Nested && v.Kind != saveris.String {
		return b, false
	}
	dec := json.NewDecoder(bytes.NewReader(v.Text))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil || dec.More() {
		if v.Kind == saveris.Nested {
			return b, false
		}
		return schema.AppendText(b, v.Text), true
	}
	return appendAny(b, doc), true
}

func appendAny(b []byte, doc any) []byte {
	switch doc := doc.(type) {
	case map[string]any:
		b = append(b, '{')
		for i, name := range sortedKeys(doc) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(schema.AppendText(b, []byte(name)), ':')
			b = appendAny(b, doc[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, element := range doc {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendAny(b, element)
		}
		return append(b, ']')
	case json.Number:
		b, _ = schema.AppendNumber(b, []byte(doc))
		return b
	case string:
		return schema.AppendText(b, []byte(inWords(doc)))
	case bool:
		if doc {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	default:
		return append(b, "null"...)
	}
}

// inWords returns a code of measuring objects in the words that the vendor writes now: MACT_LOWER_LIMIT is Lower limit
// (behaviour notes, 8.3). Other texts stay as they are.
func inWords(text string) string {
	prefix, code, found := strings.Cut(text, "_")
	switch {
	case text == "PU_DEGREE_CELSIUS":
		return "°C"
	case !found || code == "" || strings.ToUpper(text) != text, prefix != "MACT" && prefix != "ASV" && prefix != "PV":
		return text
	}
	words := strings.ToLower(strings.ReplaceAll(code, "_", " "))
	return strings.ToUpper(words[:1]) + words[1:]
}
