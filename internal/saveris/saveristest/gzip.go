package saveristest

import (
	"bytes"
	"compress/gzip"
	"io"
)

// tailed returns a compressed file what gzip.tail says behind its first member. The body may be kept elsewhere and stays.
func tailed(tail string, body []byte) []byte {
	switch tail {
	case "zeros":
		return append(bytes.Clone(body), make([]byte, 512)...)
	case "empty members":
		return append(bytes.Clone(body), bytes.Repeat(gzipped(nil), 3)...)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		panic("saveristest: internal error: " + err.Error())
	}
	text, err := io.ReadAll(unzip)
	if err != nil {
		panic("saveristest: internal error: " + err.Error())
	}
	return append(gzipped(text[:len(text)/2]), gzipped(text[len(text)/2:])...)
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // fails on unknown levels only
	zip.Write(text)
	zip.Close()
	return b.Bytes()
}
