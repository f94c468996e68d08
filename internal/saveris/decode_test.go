package saveris

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const reading = `{"uuid":"c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f","sensor_uuid":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","channel_no":1,"serial_no":"22011234","model_code":"0572 2211","tenant_uuid":"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f","customer_site":"b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e","timestamp":"2026-07-01T10:15:00Z","timestamp_local":"2026-07-01T12:15:00Z","measurement":22.382542,"physical_property_name":"Temperature","physical_unit":"CELSIUS","physical_extension":"Air Temperature","processed_at":"2026-07-01T10:15:42Z"}`

const table = `"uuid","channel_no","measurement","physical_unit"
"c1d2","1","4.7","CELSIUS"
`

// show writes a row in one line: what a reader of the row may rely on.
func show(r *Row) string {
	if r.Err != nil {
		return "broken " + string(r.Raw)
	}
	var b strings.Builder
	for i, f := range r.Fields {
		if i > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%s=%s", f.Name, f.AppendJSON(nil))
	}
	return b.String()
}

func rowsOf(t *testing.T, src io.Reader, format Format) (rows []string, err error) {
	t.Helper()
	n, err := decode(src, format, "", func(r *Row) error {
		rows = append(rows, show(r))
		return nil
	})
	if n != len(rows) {
		t.Errorf("decode counted %d rows and handed over %d", n, len(rows))
	}
	return rows, err
}

func TestEveryLayoutGivesTheSameRows(t *testing.T) {
	t.Parallel()
	want := []string{`a="x" b=1.50 c=null`, `a="y" b=-2e3 c=true`}
	for name, text := range map[string]string{
		"lines":              "{\"a\":\"x\",\"b\":1.50,\"c\":null}\n{\"a\":\"y\",\"b\":-2e3,\"c\":true}\n",
		"no newline at end":  "{\"a\":\"x\",\"b\":1.50,\"c\":null}\n{\"a\":\"y\",\"b\":-2e3,\"c\":true}",
		"CRLF and BOM":       "\ufeff{\"a\":\"x\",\"b\":1.50,\"c\":null}\r\n\r\n{\"a\":\"y\",\"b\":-2e3,\"c\":true}\r\n",
		"array":              `[{"a":"x","b":1.50,"c":null},{"a":"y","b":-2e3,"c":true}]`,
		"array over lines":   "[\n  {\"a\": \"x\", \"b\": 1.50, \"c\": null},\n  {\"a\": \"y\", \"b\": -2e3, \"c\": true}\n]\n",
		"array behind a BOM": "\ufeff\n[{\"a\":\"x\",\"b\":1.50,\"c\":null} , {\"a\":\"y\",\"b\":-2e3,\"c\":true} ]",
		"pretty objects":     "{\n \"a\": \"x\",\n \"b\": 1.50,\n \"c\": null\n}\n{\n \"a\": \"y\",\n \"b\": -2e3,\n \"c\": true\n}\n",
		"one behind another": `{"a":"x","b":1.50,"c":null}{"a":"y","b":-2e3,"c":true}`,
		"escaped names":      `{"\u0061":"x","b":1.50,"c":null}` + "\n" + `{"a":"\u0079","b":-2e3,"c":true}`,
	} {
		for _, how := range []func(io.Reader) io.Reader{plain, iotest.OneByteReader, iotest.DataErrReader, packed, twicePacked} {
			rows, err := rowsOf(t, how(strings.NewReader(text)), JSON)
			if err != nil || fmt.Sprint(rows) != fmt.Sprint(want) {
				t.Errorf("%s: got %q, %v; want %q", name, rows, err, want)
			}
		}
	}
}

func plain(r io.Reader) io.Reader { return r }

func packed(r io.Reader) io.Reader {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.Copy(z, r)
	z.Close()
	return &b
}

func twicePacked(r io.Reader) io.Reader { return packed(packed(r)) }

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		format     Format
		want       []string
		err        error // nil, io.ErrUnexpectedEOF, or any other by errors.Is
	}{
		{"blank file", " \n\n", JSON, nil, nil},
		{"no bytes", "", CSV, nil, nil},
		{"single object", `{"a":1}`, JSON, []string{"a=1"}, nil},
		{"empty array", " [ ] ", JSON, nil, nil},
		{"empty object", "{}\n", JSON, []string{""}, nil},
		{"nested values keep their text", `{"a":[1, 2],"b":{"c": "}"}}` + "\n" + `{"d":1}`, JSON, []string{`a=[1, 2] b={"c": "}"}`, "d=1"}, nil},
		{"nested over lines", "{\"a\":\n [1,\n 2]}\n{\"d\":1}\n", JSON, []string{"a=[1,\n 2]", "d=1"}, nil},
		{"garbage between rows", "{\"a\":1}\noops\n{\"a\":2}\n", JSON, []string{"a=1", "broken oops", "a=2"}, nil},
		{"garbage first", "oops\n{\"a\":2}\n", JSON, []string{"broken oops", "a=2"}, nil},
		{"cut line between rows", "{\"a\":1}\n{\"a\":\"x\n{\"a\":2}\n", JSON, []string{"a=1", `broken {"a":"x`, "a=2"}, nil},
		{"open line between rows", "{\"a\":1}\n{\"a\":1,\n{\"a\":2}\n", JSON, []string{"a=1", `broken {"a":1,`, "a=2"}, nil},
		{"open line at the end", "{\"a\":1}\n{\"a\":1,\n", JSON, []string{"a=1", `broken {"a":1,`}, nil},
		{"name twice", `{"a":1,"a":2}` + "\n" + `{"a":3}`, JSON, []string{`broken {"a":1,"a":2}`, "a=3"}, nil},
		{"name twice, once escaped", `{"a":1,"\u0061":2}`, JSON, []string{`broken {"a":1,"\u0061":2}`}, nil},
		{"no JSON number", `{"a":01}` + "\n" + `{"a":NaNa}` + "\n" + `{"a":1.}` + "\n" + `{NaN:1}`, JSON, []string{`broken {"a":01}`, `broken {"a":NaNa}`, `broken {"a":1.}`, `broken {NaN:1}`}, nil},
		{"scalars in an array", `[1,{"a":2},"x, ]",[{"a":1}],null]`, JSON, []string{"broken 1", "a=2", `broken "x, ]"`, `broken [{"a":1}]`, "broken null"}, nil},
		{"text behind an element", `[{"a":1}x,{"a":2}]`, JSON, []string{`broken {"a":1}x`, "a=2"}, nil},
		{"wrong UTF-8 stays a row", "{\"a\":\"\xff\"}\n{\"a\":\"\\n\xff\"}\n", JSON, []string{`a="` + "\ufffd" + `"`, `a="\n` + "\ufffd" + `"`}, nil},
		{"controls in text", "{\"a\":\"\x01\"}\n{\"a\":1}\n", JSON, []string{"broken {\"a\":\"\x01\"}", "a=1"}, nil},
		{"cut line", "{\"a\":1}\n{\"a\":\"x", JSON, []string{"a=1"}, io.ErrUnexpectedEOF},
		{"cut between members", "{\"a\":1}\n{\"a\":1,", JSON, []string{"a=1"}, io.ErrUnexpectedEOF},
		{"cut pretty object", "{\n \"a\": 1,\n", JSON, nil, io.ErrUnexpectedEOF},
		{"cut array", `[{"a":1},`, JSON, []string{"a=1"}, io.ErrUnexpectedEOF},
		{"cut element", `[{"a":1},{"a"`, JSON, []string{"a=1"}, io.ErrUnexpectedEOF},
		{"text behind the array", `[{"a":1}] x`, JSON, []string{"a=1"}, errTrailing},

		{"CSV", table, CSV, []string{`uuid="c1d2" channel_no="1" measurement="4.7" physical_unit="CELSIUS"`}, nil},
		{"CSV where JSON was asked for", table, JSON, []string{`uuid="c1d2" channel_no="1" measurement="4.7" physical_unit="CELSIUS"`}, nil},
		{"JSON where CSV was asked for", `{"a":1}`, CSV, []string{"a=1"}, nil},
		{"header only", "\"a\",\"b\"\n", CSV, nil, nil},
		{"header only, no newline", "a,b", CSV, nil, nil},
		{"quotes where needed", "\ufeffa,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n,\"\"\r\n", CSV, []string{`a="1" b="x, \"y\"\nz"`, "a=null b=null"}, nil},
		{"no quotes", "a,b\n[A, B],5\" pipe\n1,2\n", CSV, []string{"broken [A, B],5\" pipe", `a="1" b="2"`}, nil},
		{"no newline at the end", "a,b\n1,2", CSV, []string{`a="1" b="2"`}, nil},
		{"CR at the end", "a,b\r\n\"1\",\"2\"\r", CSV, []string{`a="1" b="2"`}, nil},
		{"text behind quotes", "a,b\n\"1\"x,2\n3,4\n", CSV, []string{`broken "1"x,2`, `a="3" b="4"`}, nil},
		{"text behind quotes at the end", "a,b\n\"1\"x,2", CSV, []string{`broken "1"x,2`}, nil},
		{"open quotes take one line", "a,b\n\"1,2\n\"3\",4\n", CSV, []string{`broken "1,2`, `a="3" b="4"`}, nil},
		{"too many fields", "a,b\n1,2,3\n3,4\n", CSV, []string{"broken 1,2,3", `a="3" b="4"`}, nil},
		{"too few fields", "a,b\n1\n3,4\n", CSV, []string{"broken 1", `a="3" b="4"`}, nil},
		{"column twice", "a,a\n1,2\n", CSV, []string{"broken 1,2"}, nil},
		{"CSV cut in a record", "a,b\n1,2\n3", CSV, []string{`a="1" b="2"`}, io.ErrUnexpectedEOF},
		{"CSV cut in quotes", "a,b\n1,2\n3,\"4", CSV, []string{`a="1" b="2"`}, io.ErrUnexpectedEOF},
	} {
		for _, how := range []func(io.Reader) io.Reader{plain, iotest.OneByteReader} {
			rows, err := rowsOf(t, how(strings.NewReader(tt.text)), tt.format)
			if fmt.Sprintf("%q", rows) != fmt.Sprintf("%q", tt.want) || !errors.Is(err, tt.err) {
				t.Errorf("%s: got %q, %v; want %q, %v", tt.name, rows, err, tt.want, tt.err)
			}
		}
	}
}

// A broken probe's number, which JSON does not know, is a value as others are, and no row beside it suffers.
func TestNotFiniteNumbersAreValues(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"NaN", "nan", "-NaN", "Infinity", "-Infinity", "+Infinity", "INF", "-inf"} {
		want := fmt.Sprintf(`[u="1" m=%[1]q t="NaN" u="2" m=1 t=null u="3" x=%[1]q]`, number)
		odd := `{"u":"1","m":` + number + `,"t":"NaN"}`
		for name, text := range map[string]string{
			"lines":           odd + "\n" + `{"u":"2","m":1,"t":null}` + "\n" + `{"u":"3","x":` + number + `}`,
			"array":           `[` + odd + `,{"u":"2","m":1,"t":null},{"u":"3","x":` + number + ` }]`,
			"pretty":          "{\n \"u\": \"1\",\n \"m\": " + number + ",\n \"t\": \"NaN\"\n}\n" + `{"u":"2","m":1,"t":null}` + "\n{\"u\":\"3\",\n\"x\": " + number + "\n}\n",
			"with odd names":  `{"\u0075":"1","m": ` + number + ` ,"t":"NaN"}` + "\n" + `{"u":"2","m":1,"t":null}` + "\n" + `{"\u0075":"3","x":` + number + `}`,
			"one behind each": odd + `{"u":"2","m":1,"t":null}{"u":"3","x":` + number + `}`,
		} {
			for _, how := range []func(io.Reader) io.Reader{plain, iotest.OneByteReader} {
				rows, err := rowsOf(t, how(strings.NewReader(text)), JSON)
				if err != nil || fmt.Sprint(rows) != want {
					t.Errorf("%s: got %v, %v; want %s", name, rows, err, want)
				}
			}
		}
		rows, err := rowsOf(t, strings.NewReader(`{"u":"1","n":[1,`+number+`,"-inf, NaN"]}`), JSON)
		if want := `[u="1" n=[1,` + number + `,"-inf, NaN"]]`; err != nil || fmt.Sprint(rows) != want {
			t.Errorf("nested: got %v, %v; want %s", rows, err, want)
		}
	}
}

func TestTruncatedFileIsAnError(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]string{
		"short": "{\"a\":\"x\"}\n",
		"lines": reading + "\n" + reading + "\n",
		"array": "[" + reading + "," + reading + "]",
		"CSV":   table,
	} {
		full, err := rowsOf(t, strings.NewReader(whole), JSON)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range len(whole) {
			rows, err := rowsOf(t, strings.NewReader(whole[:n]), JSON)
			for i, row := range rows {
				if name != "CSV" && row != full[i] { // a CSV field that was cut cannot be told from a short one
					t.Fatalf("%s cut after %d bytes gave the row %q", name, n, row)
				}
			}
			if name == "array" && n > 0 && err == nil {
				t.Fatalf("%s cut after %d bytes was taken for whole", name, n)
			}
			if name == "lines" && err == nil && n > 0 && whole[n-1] != '}' && whole[n-1] != '\n' {
				t.Fatalf("%s cut after %d bytes was taken for whole", name, n)
			}
		}
		whole := packedBytes(whole)
		for n := 2; n < len(whole); n++ {
			if _, err := rowsOf(t, bytes.NewReader(whole[:n]), JSON); err == nil {
				t.Fatalf("gzip of %s cut after %d bytes was taken for whole", name, n)
			}
		}
	}
}

func packedBytes(s string) []byte {
	b, _ := io.ReadAll(packed(strings.NewReader(s)))
	return b
}

func TestDigitsAreKept(t *testing.T) {
	t.Parallel()
	for _, digits := range []string{"22.382542", "4.70", "-0", "1E+2", "0.1e-7", "12345678901234567890.123456789"} {
		row := `{"measurement":` + digits + `}`
		rows, err := rowsOf(t, strings.NewReader(row+"\n"+row), JSON) // by the fast scan and by the strict one
		if err != nil || len(rows) != 2 || rows[0] != "measurement="+digits || rows[1] != rows[0] {
			t.Errorf("%s became %q, %v", digits, rows, err)
		}
	}
}

func TestUnknownColumnsArrive(t *testing.T) {
	t.Parallel()
	rows, err := rowsOf(t, strings.NewReader("{\"new\":[1],\"uuid\":\"x\"}\n{\"uuid\":\"y\",\"other\":false}\n"), JSON)
	want := `[new=[1] uuid="x" uuid="y" other=false]`
	if err != nil || fmt.Sprint(rows) != want {
		t.Errorf("got %s, %v; want %s", rows, err, want)
	}
}

func TestCallersErrorIsNoFileError(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	_, err := decode(strings.NewReader(reading), JSON, "", func(*Row) error { return mine })
	var caller callerError
	if !errors.As(err, &caller) || caller.error != mine {
		t.Errorf("got %v", err)
	}
}

// TestAPlainListIsReadQuicklyAndAlike: the fast scan takes it, and gives what the strict library gives.
func TestAPlainListIsReadQuicklyAndAlike(t *testing.T) {
	t.Parallel()
	for text, quick := range map[string]bool{
		`{"a":["x", "y"],"b":1}`: true, `{"a":["x"]}`: true, `{"a": [ "x" , "y" ] }`: true, `{"a":[]}`: false, `{"a":["\u0041"]}`: false,
		`{"a":["x",]}`: false, `{"a":["x" "y"]}`: false, `{"a":["x"`: false, `{"a":[1]}`: false, `{"a":[{"b":"x"}]}`: false, `{"a":["x"],"a":1}`: false,
	} {
		var fast, slow scanner
		n := fast.scan([]byte(text))
		if (n == len(text)) != quick || n != 0 && !quick {
			t.Errorf("%s: the scan took %d bytes", text, n)
		}
		if err := slow.strict([]byte(text)); quick && (err != nil || fmt.Sprint(fast.fields) != fmt.Sprint(slow.fields)) {
			t.Errorf("%s: %v, strictly %v (%v)", text, fast.fields, slow.fields, err)
		}
	}
}
