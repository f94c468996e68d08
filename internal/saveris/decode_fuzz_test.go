package saveris

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzScan: where the fast scan takes an object, the strict library takes the same bytes and gives the same fields; and
// what the strict library takes and is flat with ASCII names, the fast scan takes.
func FuzzScan(f *testing.F) {
	for _, row := range []string{reading, `{"a":1,"a":2}`, `{"a":"\ud83d\ude00\"","b":[1]}`, "{ \"a\" : -0.1e+5 ,\n\"b\":null}", "{\"a\":\"\xff\\n\"}", `{}`, `{"a":true,"b":false}x`, `{"a":NaN,"b":-Infinity}`, `{"a":[nan],"b":Inf}`} {
		f.Add([]byte(row))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var fast, slow scanner
		raw = bytes.TrimSpace(raw)
		n := fast.scan(raw)
		if n == 0 {
			if slow.strict(raw) == nil && simple(slow.fields) && simpleNames(raw) {
				t.Fatalf("the fast scan leaves %q to the strict one", raw)
			}
			return
		}
		if err := slow.strict(raw[:n]); err != nil {
			t.Fatalf("the fast scan takes %q, the strict one does not: %v", raw[:n], err)
		}
		if !slices.EqualFunc(fast.fields, slow.fields, func(a, b Field) bool {
			return a.Name == b.Name && a.Kind == b.Kind && bytes.Equal(a.Text, b.Text)
		}) {
			t.Fatalf("%q: fast %q, strict %q", raw[:n], fast.fields, slow.fields)
		}
		if fast.scan(raw) != n {
			t.Fatalf("%q: another length with known names", raw)
		}
	})
}

func simple(fields []Field) bool {
	for _, f := range fields {
		if f.Kind == Nested || !ascii([]byte(f.Name)) || len(f.Name) > maxName {
			return false
		}
	}
	return len(fields) <= maxColumns
}

// simpleNames reports whether no text of the row, and so no name, is escaped.
func simpleNames(raw []byte) bool { return !bytes.ContainsRune(raw, '\\') }

// FuzzRows: whatever a file holds, decoding ends without a panic, rows do not depend on how the bytes come in, Raw is
// bounded, and a list of objects that the strict library accepts gives exactly its elements.
func FuzzRows(f *testing.F) {
	for _, text := range []string{
		reading + "\n" + reading, "[" + reading + "," + reading + "]", "{\n\"a\":1\n}\n", `{"a":1}{"a":"x`, "oops\n{\"a\":2}\n", table,
		`{"rows":[{"a":1}],"next":null}`, `{"a":["x", "y"],"b":["\u0041"],"c":[]}`, `{"a":["x"` + "\n" + `,]}`, `{"data":{"rows":[` + rowNo(1) + `,` + rowNo(2) + `]},"n":[[]]}`, "\ufeff[ ]", `[{"a":[1,{"b":"]"}]},1]`, "[{\"a\":1}]\n[", string(packedBytes(reading)), "{\"a\":1,\n{\"a\":2}",
	} {
		f.Add([]byte(text), byte(0))
		f.Add([]byte(text), byte(1))
		f.Add([]byte(text), byte(2))
		f.Add([]byte(text), byte(3))
		f.Add([]byte(text), byte(4))
	}
	f.Fuzz(func(t *testing.T, file []byte, how byte) {
		read := func(src io.Reader) (rows []string, err error) {
			each := func(r *Row) error {
				if len(r.Raw) > MaxRow || r.Err != nil && r.Fields != nil {
					t.Fatalf("impossible row %+v", r)
				}
				rows = append(rows, show(r))
				return nil
			}
			switch how % 5 {
			case 0:
				_, err = decode(src, JSON, "", each)
			case 1:
				_, err = decode(src, CSV, "", each)
			case 2:
				_, err = decodeList(src, "", each)
			case 3:
				_, err = decode(src, JSON, Measurements, each)
			default:
				_, err = decodeList(src, Measurements, each)
			}
			return rows, err
		}
		rows, err := read(bytes.NewReader(file))
		again, errAgain := read(iotest.OneByteReader(bytes.NewReader(file)))
		if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", again) || (err == nil) != (errAgain == nil) {
			t.Fatalf("%q: at once %q, %v; byte by byte %q, %v", file, rows, err, again, errAgain)
		}
		if want, ok := elements(file); ok && how%5 == 0 && (err != nil || fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", want)) {
			t.Fatalf("%q: got %q, %v; want %q", file, rows, err, want)
		}
	})
}

// elements reads a JSON array of objects by the strict library alone.
func elements(file []byte) (rows []string, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(file), strictOption, jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '[' {
		return nil, false
	}
	dec.ReadToken()
	for dec.PeekKind() == '{' {
		v, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		var s scanner
		r := Row{Raw: v, Err: s.strict(v), Fields: s.fields}
		rows = append(rows, show(&r))
	}
	if dec.PeekKind() != ']' {
		return nil, false
	}
	dec.ReadToken()
	_, err := dec.ReadToken()
	return rows, err == io.EOF
}

// FuzzCSV: a table that encoding/csv accepts under the strictest reading gives the same fields here.
func FuzzCSV(f *testing.F) {
	for _, text := range []string{table, "a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n", "a,b\n1\n", "a,b\n\"1\"x,2\n3,4", "a,b\n,\n", "a,b\n1,2\r", "\"a,b\n1,2\n\"\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var rows [][]string
		each := func(r *Row) error {
			if r.Err != nil {
				return r.Err
			}
			var row []string
			for _, f := range r.Fields {
				row = append(row, string(f.Text))
			}
			rows = append(rows, row)
			return nil
		}
		_, err := decode(strings.NewReader(text), CSV, "", each)
		again := rows
		rows = nil
		_, errAgain := decode(iotest.OneByteReader(strings.NewReader(text)), CSV, "", each)
		if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", again) || (err == nil) != (errAgain == nil) {
			t.Fatalf("%q: at once %q, %v; byte by byte %q, %v", text, again, err, rows, errAgain)
		}
		if !plainTable(text) {
			return
		}
		want, errWant := csv.NewReader(strings.NewReader(text)).ReadAll()
		if errWant != nil || len(want) == 0 || repeats(want[0]) {
			return
		}
		if err != nil || fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", want[1:]) {
			t.Fatalf("%q: got %q, %v; want %q", text, rows, err, want[1:])
		}
	})
}

// plainTable leaves out where the two readers differ on purpose: other formats, blanks around a record, CR in text.
func plainTable(text string) bool {
	if text == "" || strings.ContainsAny(text, "\r\t \x00") || text[0] == 0xef || strings.ContainsAny(text[:1], "{[<\x1f\n") {
		return false
	}
	return len(text) < MaxRow
}

func repeats(names []string) bool {
	names = slices.Clone(names)
	slices.Sort(names)
	return len(slices.Compact(names)) != len(names)
}
