package saveris

import (
	"bytes"
	"io"
)

// windowSize bounds what decoding holds of a file: the longest row, and enough beside it for long reads.
const windowSize = MaxRow + 64<<10

// ahead is how much should stand ready where a row begins: most rows are read to their end at once.
const ahead = 4 << 10

// window is a piece of a stream that slides along with the decoder: buf[pos:end] is read but not yet used.
type window struct {
	src io.Reader
	buf []byte
	pos int
	end int
	err error // why src gave no more, io.EOF included
}

func newWindow(src io.Reader) *window { return &window{src: src, buf: make([]byte, windowSize)} }

// rest is what stands ready.
func (w *window) rest() []byte { return w.buf[w.pos:w.end] }

// more reads on and reports whether rest grew; it does not when the stream is over or the window is full. It moves rest
// to the front, so slices of it from before are stale.
func (w *window) more() bool {
	if w.err != nil || w.end-w.pos == len(w.buf) {
		return false
	}
	if w.end == len(w.buf) {
		w.end = copy(w.buf, w.rest())
		w.pos = 0
	}
	for range 100 { // a reader may give nothing now and then, but not for ever
		n, err := w.src.Read(w.buf[w.end:])
		w.end += n
		w.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	w.err = io.ErrNoProgress
	return false
}

// peek returns up to n bytes without using them, fewer only at the end of the stream.
func (w *window) peek(n int) []byte {
	for w.end-w.pos < n && w.more() {
	}
	return w.rest()[:min(n, w.end-w.pos)]
}

// blanks uses JSON's white space, however much there is, and returns the byte behind it; ok is false at the end.
func (w *window) blanks() (next byte, ok bool) {
	for {
		rest := w.rest()
		i := skipBlanks(rest, 0)
		w.pos += i
		if i < len(rest) {
			return rest[i], true
		}
		if !w.more() {
			return 0, false
		}
	}
}

// skipLine uses everything up to and including the next newline.
func (w *window) skipLine() {
	for {
		if i := bytes.IndexByte(w.rest(), '\n'); i >= 0 {
			w.pos += i + 1
			return
		}
		w.pos = w.end
		if !w.more() {
			return
		}
	}
}

// failed is the reason why the stream ended, nil where it ended as it should.
func (w *window) failed() error {
	if w.err == io.EOF {
		return nil
	}
	return w.err
}
