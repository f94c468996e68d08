package saveristest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// disguise turns the text of a file into what file.form says, as far as a reader looks: the first bytes are right.
func disguise(form string, text []byte) []byte {
	switch form {
	case "utf-16":
		wide := []byte{0xff, 0xfe}
		for _, c := range utf16.Encode([]rune(string(text))) {
			wide = binary.LittleEndian.AppendUint16(wide, c)
		}
		return wide
	case "zip":
		return zipped(text)
	case "zstd":
		return append([]byte("\x28\xb5\x2f\xfd\x04\x00"), bytes.Repeat([]byte{0x5b, 0xa0}, 64)...)
	case "parquet":
		return []byte("PAR1\x15\x04\x15\x10\x15\x14PAR1")
	case "textfile": // the vendor's format of that name: no header, columns parted by \001
		return []byte("c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f\x011\x0122011234\x014.7\nd1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f\x011\x0122011234\x014.8\n")
	case "html":
		return []byte("<!DOCTYPE html>\n<html><head><title>Web Gateway: please sign in</title></head><body></body></html>\n")
	default:
		return []byte(`{"message": "Internal server error"}`)
	}
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	file, err := archive.Create("result.json")
	if err == nil {
		_, err = file.Write(text)
	}
	if err != nil || archive.Close() != nil {
		panic("saveristest: internal error: a zip archive cannot be written to memory")
	}
	return b.Bytes()
}
