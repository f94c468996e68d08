package saveristest

import (
	"bytes"
	"compress/gzip"
)

// sink collects a body, compressed if it is to be and as soon as there is
// anything in it: a blank file stays blank.
type sink struct {
	zipped bool
	zip    *gzip.Writer
	out    bytes.Buffer
}

func (s *sink) write(b []byte) {
	switch {
	case len(b) == 0:
	case !s.zipped:
		s.out.Write(b)
	default:
		if s.zip == nil {
			s.zip, _ = gzip.NewWriterLevel(&s.out, gzip.BestSpeed) // fails on unknown levels only
		}
		s.zip.Write(b)
	}
}

func (s *sink) bytes() []byte {
	if s.zip != nil {
		s.zip.Close()
	}
	return s.out.Bytes()
}
