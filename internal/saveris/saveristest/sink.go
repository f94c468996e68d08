package saveristest

import (
	"bytes"
	"compress/gzip"
	"sync"
)

// sink collects a body, compressed if it is to be and as soon as there is
// anything in it: a blank file stays blank.
type sink struct {
	zipped bool
	zip    *gzip.Writer
	out    bytes.Buffer
}

// zips keeps compressors: each holds most of a megabyte, a poll's file has 10 kB.
var zips = sync.Pool{New: func() any {
	zip, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails on unknown levels only
	return zip
}}

func (s *sink) write(b []byte) {
	switch {
	case len(b) == 0:
	case !s.zipped:
		s.out.Write(b)
	default:
		if s.zip == nil {
			s.zip = zips.Get().(*gzip.Writer)
			s.zip.Reset(&s.out)
		}
		s.zip.Write(b)
	}
}

// bytes ends the body; nothing can be written after it.
func (s *sink) bytes() []byte {
	if s.zip != nil {
		s.zip.Close()
		zips.Put(s.zip)
		s.zip = nil
	}
	return s.out.Bytes()
}
