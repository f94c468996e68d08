package saveris

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf16"
)

func wide(text string, bytesEach int, big, mark bool) string {
	var b bytes.Buffer
	put := func(c uint32) {
		for i := range bytesEach {
			shift := 8 * i
			if big {
				shift = 8 * (bytesEach - 1 - i)
			}
			b.WriteByte(byte(c >> shift))
		}
	}
	if mark {
		put(0xfeff)
	}
	for _, c := range utf16.Encode([]rune(text)) {
		put(uint32(c))
	}
	return b.String()
}

// Files that are no rows of the feed, by what the error has to say of them.
func TestWhatIsNoTextIsNamed(t *testing.T) {
	t.Parallel()
	lines := reading + "\n" + reading + "\n"
	for _, tt := range []struct{ file, want string }{
		{wide(lines, 2, false, true), "UTF-16"}, {wide(lines, 2, true, true), "UTF-16"},
		{wide(lines, 2, false, false), "UTF-16"}, {wide(lines, 2, true, false), "UTF-16"},
		{wide(lines, 4, false, true), "UTF-32"}, {wide(lines, 4, true, true), "UTF-32"},
		{wide(lines, 4, false, false), "UTF-32"}, {wide(lines, 4, true, false), "UTF-32"},
		{"PK\x03\x04\x14\x00", "a zip archive"}, {"\x28\xb5\x2f\xfd\x04\x00", "a zstd file"}, {"BZh91AY&SY", "a bzip2 file"},
		{"\xfd7zXZ\x00\x00", "an xz file"}, {"\x04\x22\x4d\x18\x64", "an lz4 file"}, {"\xff\x06\x00\x00sNaPpY\x01", "a snappy file"},
		{"7z\xbc\xaf\x27\x1c\x00", "a 7z archive"}, {"result.json" + strings.Repeat("\x00", 246) + "ustar\x0000" + lines, "a tar archive"},
		{"PAR1\x15\x04", "a Parquet file"}, {"Obj\x01\x04\x16avro.schema", "an Avro file"}, {"ORC\x08\x03", "an ORC file"},
		{"%PDF-1.7\n", "a PDF document"}, {"\x78\x9c\xab\x56", "a zlib file"},
		{"<!DOCTYPE html>\n<html><head><title>503 Service Unavailable</title>", "an HTML page (503 Service Unavailable)"},
		{"\ufeff \r\n<html>no</html>", "an HTML page"}, {strings.Repeat(" ", 2*headSize) + "<HTML>no</HTML>", "an HTML page"},
		{`<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce</Message></Error>`, "an XML document (Please reduce)"},
		{"<Error/>", "an XML document"},
		{string(packedBytes(string(packedBytes(string(packedBytes(lines)))))), "a gzip file within another two"},

		{`{"message":"Internal server error"}`, "no row of measurements in it, it begins with {\"message\":\"Internal server error\"}"},
		{`{"uuid":"1","timestamp":"x","measurement":+5}`, "no row of measurements in it (the first line: the row is no JSON object: jsontext: invalid character '+' at start of value"},
		{"\x01\x03\x00\x07\xfe", "it begins with the bytes 01 03 00 07 fe"},
		{"\x78\x5e\xb4", "a zlib file"},
		{`{"timestamp":"2026-07-01T10:15:00Z","status":500,"error":"Internal Server Error"}`, "no row of measurements"},
		{"Internal Server Error", "no row of measurements"}, {"oops\noops\n", "no row of measurements"},
		{"c1d2\x01uuid\x011\x014.7\nc1d3\x01uuid\x011\x014.8\n", "no row of measurements"},
		{`[1,2,3]`, "no row of measurements"}, {`["a"]`, "no row of measurements"}, {`{"a":1}` + "\n" + `{"b":2}`, "no row of measurements"},
		{"name,city\nAda,London\n", "no row of measurements"}, {"name,city\n", "no row of measurements"},
		{"uuid;timestamp;measurement\n1;2;3\n", "no row of measurements"}, {"\"uuid\";\"timestamp\"\n\"1\";\"2\"\n", "no row of measurements"},
		{"c1d2,1,4.7,CELSIUS\nc1d3,1,4.8,CELSIUS\n", "no row of measurements"}, {"uuid,\"timestamp", "no row of measurements"},
		{"\x00\x01\x02binary", "no row of measurements"},
	} {
		for _, format := range []Format{JSON, CSV} {
			for _, how := range []func(string) string{func(s string) string { return s }, func(s string) string { return string(packedBytes(s)) }} {
				_, err := uuidsOf(strings.NewReader(how(tt.file)), format, Measurements)
				var foreign *foreignError
				if !errors.As(err, &foreign) || !strings.Contains(err.Error(), tt.want) && how(" ") == " " {
					t.Errorf("%.60q as %s: got %v, want %s", tt.file, format, err, tt.want)
				}
			}
		}
	}
}

// What has rows of the feed, or nothing at all, is read, however few and however bad they are.
func TestFewRowsAreAFileOfTheFeed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, " \n\n": 0, "\ufeff": 0, "[]": 0, `"uuid","timestamp","measurement"` + "\n": 0, "UUID,TimeStamp,MEASUREMENT": 0,
		`{"uuid":"1","timestamp":"yesterday"}`: 1, `{"sensor_uuid":"1","measurement":null}`: 1, "uuid,timestamp\n1,x\n": 1,
		"oops\n" + reading: 2, "[1," + reading + "]": 2,
		`{"alarm_status":"Ok"}` + "\n" + reading: 2,
	} {
		uuids, err := uuidsOf(strings.NewReader(text), JSON, Measurements)
		if err != nil || len(uuids) != want {
			t.Errorf("%q: %d rows, %v", text, len(uuids), err)
		}
	}
	for feed, row := range map[Feed]string{
		Alarms:       `{"alarm_status":"Alarm","physical_value":"Temperature"}`,
		Measurements: `{"measurement_value":4.7,"channel_id":9241001}`,
		Tasks:        `{"task_title":"Check fridge temperature","sequence_no":1}`,
	} {
		if uuids, err := uuidsOf(strings.NewReader(row), JSON, feed); err != nil || len(uuids) != 1 {
			t.Errorf("%s: %d rows, %v", feed, len(uuids), err)
		}
	}
}

// A file that is not understood fails the window, with what it looks like and how it was sent.
func TestAFileThatIsNotUnderstoodFailsTheWindow(t *testing.T) {
	t.Parallel()
	for encoding, want := range map[string]string{
		"":     "download: what the vendor sends is not understood: the file looks like a zip archive, expected JSON or CSV",
		"br":   "expected JSON or CSV; it was sent with Content-Encoding br",
		"gzip": "expected JSON or CSV",
	} {
		synctest.Test(t, func(t *testing.T) {
			c := wired(t, vendor(func(req *http.Request) *http.Response {
				if req.URL.Path == "/a" {
					return reply(200, "PK\x03\x04...", "Content-Encoding", encoding)
				}
				return nil
			}))
			_, err := c.Rows(t.Context(), sixHours, nothing)
			if !errors.Is(err, ErrNotUnderstood) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s: got %v", encoding, err)
			}
		})
	}
}
