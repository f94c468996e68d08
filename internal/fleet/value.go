package fleet

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// value is a column's value as canonical JSON; the zero value is null, or not known.
type value string

const null value = ""

// pool has the values of a column, while they are few: most columns have the same few values in thousands of things, which
// share their text.
type pool map[string]value

const fewValues = 1024

// keep keeps a value under a text, if there is room, and returns it.
func (p pool) keep(text []byte, v value) value {
	if p != nil && len(p) < fewValues {
		p[string(text)] = v
	}
	return v
}

// of returns the value whose text is canonical already.
func (p pool) of(canonical []byte) value {
	if v, known := p[string(canonical)]; known {
		return v
	}
	return p.keep(canonical, value(canonical))
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
		return schema.AppendUUID(b, raw), true
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
	n := len(b)
	b, ok := schema.AppendCanonical(b, v.Text)
	switch {
	case !ok && v.Kind == saveris.Nested:
		return b, false
	case !ok:
		return schema.AppendText(b, v.Text), true
	}
	if code.Match(b[n:]) {
		b = append(b[:n], code.ReplaceAllFunc(b[n:], inWords)...)
	}
	return b, true
}

// code is a text of JSON that is a code of measuring objects.
var code = regexp.MustCompile(`"(?:(?:MACT|ASV|PV)_[A-Z0-9_]+|PU_DEGREE_CELSIUS)"`)

// inWords returns a quoted code in the words that the vendor writes now: MACT_LOWER_LIMIT is Lower limit (behaviour notes, 8.3).
func inWords(quoted []byte) []byte {
	_, words, _ := strings.Cut(strings.Trim(string(quoted), `"`), "_")
	if words == "DEGREE_CELSIUS" {
		return []byte(`"°C"`)
	}
	words = strings.ReplaceAll(words, "_", " ")
	return []byte(`"` + words[:1] + strings.ToLower(words[1:]) + `"`)
}
