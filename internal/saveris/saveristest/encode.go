package saveristest

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// encoder writes rows in one of the dialects of a result file. The bytes collect
// in buf; whoever owns the encoder takes them out between rows.
type encoder struct {
	buf    []byte
	sw     *Switches
	spell  spelling
	csv    bool
	names  []string
	layout string
	list   string // name of the list in an envelope
	began  bool
	lines  int
}

// begin writes what stands before the first row.
func (e *encoder) begin() {
	e.began = true
	switch {
	case e.csv:
		cells := make([]cell, len(e.names))
		for i, n := range e.spell.spellNames(e.names) {
			cells[i].text = n
		}
		e.row(cells)
	case e.layout == "array", e.layout == "arrays":
		e.buf = append(e.buf, '[')
	case e.inEnvelope():
		e.open()
	}
}

// perEnvelope is how many rows each of many envelopes holds, and each of many arrays.
const perEnvelope = 10

func (e *encoder) inEnvelope() bool {
	return !e.csv && (e.layout == "envelope" || e.layout == "envelopes")
}

// open begins an envelope; the one that is alone has members before and after the list, the others stand in an object within.
func (e *encoder) open() {
	if e.layout == "envelope" {
		e.buf = append(append(append(e.buf, `{"version": 1, "columns": ["uuid"], "`...), e.list...), `": [`...)
	} else {
		e.buf = append(append(append(e.buf, `{"data": {"`...), e.list...), `": [`...)
	}
}

func (e *encoder) close() {
	if e.layout == "envelope" {
		e.buf = append(e.buf, `], "next": null}`...)
	} else {
		e.buf = append(e.buf, `]}}`...)
	}
}

// inList reports whether rows stand in a list, with commas between them.
func (e *encoder) inList() bool {
	return !e.csv && (e.layout == "array" || e.layout == "arrays" || e.inEnvelope())
}

// row writes one row; it returns the bytes it added, without the separator.
func (e *encoder) row(cells []cell) []byte {
	e.separate()
	start := len(e.buf)
	cells = e.spell.spell(cells)
	switch {
	case e.csv:
		e.csvRow(cells)
	case e.layout == "object":
		e.jsonRow(cells, ",\n  ", "{\n  ", "\n}", ": ")
	default:
		e.jsonRow(cells, ",", "{", "}", ":")
	}
	return e.buf[start:]
}

// raw writes a line verbatim. In an array everything must be a JSON value, so a
// line that is none becomes a string. It returns the line as it was written.
func (e *encoder) raw(line string) string {
	if e.inList() && !json.Valid([]byte(line)) {
		line = string(appendString(nil, line))
	}
	e.separate()
	e.buf = append(e.buf, line...)
	return line
}

func (e *encoder) separate() {
	switch {
	case e.lines == 0:
	case !e.csv && e.layout == "arrays" && e.lines%perEnvelope == 0:
		e.buf = append(e.buf, "]\n["...)
	case e.inEnvelope() && e.layout == "envelopes" && e.lines%perEnvelope == 0:
		e.close()
		e.buf = append(e.buf, '\n')
		e.open()
	default:
		if e.inList() {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, '\n')
	}
	e.lines++
}

// end writes what stands behind the last row.
func (e *encoder) end() {
	if !e.csv && (e.layout == "array" || e.layout == "arrays") {
		e.buf = append(e.buf, ']')
	}
	if e.inEnvelope() {
		e.close()
	}
	if e.sw.FileNewline == "yes" && e.lines > 0 {
		e.buf = append(e.buf, '\n')
	}
}

func (e *encoder) jsonRow(cells []cell, comma, open, closing, colon string) {
	e.buf = append(e.buf, open...)
	first := true
	for i := range cells {
		c := &cells[i]
		if c.null() && e.sw.JSONNull != "null" {
			continue
		}
		if !first {
			e.buf = append(e.buf, comma...)
		}
		first = false
		e.buf = append(e.buf, '"')
		e.buf = append(e.buf, c.name...)
		e.buf = append(e.buf, '"')
		e.buf = append(e.buf, colon...)
		switch {
		case c.null():
			e.buf = append(e.buf, "null"...)
		case c.kind >= cellBool, c.kind == cellNumber && !(notFinite(c.text) && e.sw.BrokenProbe == "string"):
			e.buf = append(e.buf, c.text...)
		default:
			e.buf = appendString(e.buf, c.text)
		}
	}
	e.buf = append(e.buf, closing...)
}

func (e *encoder) csvRow(cells []cell) {
	for i := range cells {
		c := &cells[i]
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		text := e.csvText(c)
		switch {
		case c.null():
			if e.sw.CSVNull == "quoted" {
				e.buf = append(e.buf, `""`...)
			}
		case e.sw.CSVQuoting == "all" || strings.ContainsAny(text, "\",\r\n") || c.kind == cellEmpty:
			e.buf = append(e.buf, '"')
			e.buf = append(e.buf, strings.ReplaceAll(text, `"`, `""`)...)
			e.buf = append(e.buf, '"')
		case e.sw.CSVQuoting == "minimal" && strings.Contains(text, " "): // as OpenCSV and spreadsheets do
			e.buf = append(append(append(e.buf, '"'), text...), '"')
		default:
			e.buf = append(e.buf, text...)
		}
	}
}

// csvText is what stands between the commas.
func (e *encoder) csvText(c *cell) string {
	switch {
	case c.kind == cellBool && e.sw.CSVBool == "1":
		return digit(c.text == "true")
	case c.kind == cellArray && e.sw.CSVArray == "plain":
		return strings.ReplaceAll(c.text, `"`, "")
	}
	return c.text
}

// appendString writes a JSON string; only what needs escaping is escaped.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' || s[i] >= 0x80 && !utf8.ValidString(s) {
			return append(b, toJSON(s)...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// toJSON marshals v without the escapes that are meant for HTML: links have
// ampersands, and the vendor's backend leaves them alone.
func toJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("saveristest: internal error: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
