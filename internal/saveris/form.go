package saveris

import (
	"bytes"
	"fmt"
	"strings"
)

// foreignError says what an answer or a file is where it holds no rows of the feed.
type foreignError struct{ text string }

func (e *foreignError) Error() string { return e.text }

func looksLike(form string) error {
	return &foreignError{"the file looks like " + form + ", expected JSON or CSV"}
}

// headSize is how much of a file is looked at before it is read: the name of a tar archive's format stands that far in.
const headSize = 512

// forms are the first bytes of files that are no text.
var forms = []struct {
	magic  string
	offset int
	name   string
}{
	{"\xff\xfe\x00\x00", 0, "UTF-32 text"},
	{"\x00\x00\xfe\xff", 0, "UTF-32 text"},
	{"\xff\xfe", 0, "UTF-16 text"},
	{"\xfe\xff", 0, "UTF-16 text"},
	{"PK\x03\x04", 0, "a zip archive"},
	{"PK\x05\x06", 0, "an empty zip archive"},
	{"PK\x07\x08", 0, "a zip archive"},
	{"\x28\xb5\x2f\xfd", 0, "a zstd file"},
	{"\x04\x22\x4d\x18", 0, "an lz4 file"},
	{"\xff\x06\x00\x00sNaPpY", 0, "a snappy file"},
	{"\xfd7zXZ\x00", 0, "an xz file"},
	{"7z\xbc\xaf\x27\x1c", 0, "a 7z archive"},
	{"Rar!\x1a\x07", 0, "a rar archive"},
	{"BZh", 0, "a bzip2 file"},
	{"\x1f\x8b", 0, "a gzip file within another two"},
	{"\x1f\x9d", 0, "a compress file"},
	{"\x78\x01", 0, "a zlib file"},
	{"\x78\x5e", 0, "a zlib file"},
	{"\x78\x9c", 0, "a zlib file"},
	{"\x78\xda", 0, "a zlib file"},
	{"PAR1", 0, "a Parquet file"},
	{"PARE", 0, "an encrypted Parquet file"},
	{"Obj\x01", 0, "an Avro file"},
	{"ORC", 0, "an ORC file"},
	{"%PDF", 0, "a PDF document"},
	{"ustar", 257, "a tar archive"},
}

// formOf names what the first bytes of a file are where they cannot be rows; empty where they can.
func formOf(head []byte) string {
	for _, f := range forms {
		if len(head) > f.offset && bytes.HasPrefix(head[f.offset:], []byte(f.magic)) {
			return f.name
		}
	}
	if form := wideText(head); form != "" {
		return form
	}
	if text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff"))); len(text) > 0 && text[0] == '<' {
		return markup(text)
	}
	return ""
}

// wideText finds text of more than a byte a character that has no mark at its start: it begins with ASCII in any case.
func wideText(head []byte) string {
	if len(head) < 4 {
		return ""
	}
	var zeros [4]bool
	for i, c := range head[:4] {
		zeros[i] = c == 0
	}
	switch zeros {
	case [4]bool{false, true, false, true}, [4]bool{true, false, true, false}:
		return "UTF-16 text"
	case [4]bool{false, true, true, true}, [4]bool{true, true, true, false}:
		return "UTF-32 text"
	}
	return ""
}

// markup names a page, with its text.
func markup(text []byte) string {
	start, form := strings.ToLower(string(text[:min(len(text), 64)])), "an XML document"
	if strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") {
		form = "an HTML page"
	}
	if _, _, shown := vendorText(text); shown != "" && shown != string(text) {
		form += fmt.Sprintf(" (%s)", shown)
	}
	return form
}
