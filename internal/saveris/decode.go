package saveris

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/readahead"
)

var (
	errNoList = errors.New("the answer holds no list of rows")
	errMarkup = errors.New("the answer is markup, not rows")
	errHuge   = fmt.Errorf("the file is larger than %d GiB unpacked", maxFile>>30)
)

// maxFile bounds the work that one file can make, gzip bombs included: seven days of the largest fleet we know of are
// 13 GB in all their files together.
const maxFile = 16 << 30

// bounded fails with over where its source has more than left bytes.
type bounded struct {
	src  io.Reader
	left int64
	over error
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.src.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		b.left = 0
		return n - 1, b.over
	}
	return n, err
}

// callerError carries an error of the caller's each through the reading, where it must not look like a broken file.
type callerError struct{ error }

// decoder hands the rows of one file to each. It holds one row and windowSize bytes of the file, whatever comes.
type decoder struct {
	w     *window
	scan  scanner
	row   Row
	each  func(*Row) error
	rows  int
	names []string // columns of a CSV file
	twice bool     // names has one twice
}

// decode reads one file to its end and gives the number of rows handed over. An error means that the file is cut or
// broken as a whole; a row that is broken is handed over as such, and the next ones come.
func decode(src io.Reader, format Format, each func(*Row) error) (int, error) {
	plain, err := unpack(src)
	if err != nil {
		return 0, err
	}
	ahead, err := readahead.NewReaderSize(plain, aheadBuffers, aheadSize)
	if err != nil {
		return 0, err
	}
	defer ahead.Close()
	d := newDecoder(ahead, each)
	err = d.file(format)
	return d.rows, err
}

// A file is unpacked a little ahead of the rows that are made of it, on another processor where there is one.
const (
	aheadBuffers = 4
	aheadSize    = 64 << 10
)

// decodeList reads a synchronous answer: a JSON array, or an object that holds one.
func decodeList(src io.Reader, each func(*Row) error) (int, error) {
	plain, err := unpack(src)
	if err != nil {
		return 0, err
	}
	d := newDecoder(plain, each)
	switch first, _ := d.w.blanks(); first {
	case '[':
		err = d.array()
	case '{':
		err = d.wrapped()
	default:
		if err = d.w.failed(); err == nil {
			err = errNoList
		}
	}
	return d.rows, err
}

func newDecoder(plain io.Reader, each func(*Row) error) *decoder {
	d := &decoder{w: newWindow(plain), each: each}
	if string(d.w.peek(3)) == "\ufeff" {
		d.w.pos += 3
	}
	return d
}

// unpack gives the text of a file, bounded before and after unpacking: what is packed may be endless and unpack to nothing.
func unpack(src io.Reader) (io.Reader, error) {
	plain, err := gunzip(&bounded{src, maxFile, errHuge})
	if err != nil {
		return nil, err
	}
	return &bounded{plain, maxFile, errHuge}, nil
}

// gunzip unpacks what begins like gzip, whatever its headers say: files are gzip in themselves, without a
// Content-Encoding (seen), and error bodies may be (seen). The library is a fifth faster than the standard one over the
// whole way of a packed file. A packed file in a packed transfer is unpacked twice.
func gunzip(src io.Reader) (io.Reader, error) {
	for range 2 {
		buffered := bufio.NewReaderSize(src, 32<<10)
		magic, err := buffered.Peek(2)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if string(magic) != "\x1f\x8b" {
			return buffered, nil
		}
		if src, err = gzip.NewReader(buffered); err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
	}
	return src, nil
}

// file reads a result file. Its first byte decides: [ is an array, { are objects. The rest is CSV where that was asked
// for or where the first line can only be a header, for the vendor's default is CSV; else it is a broken row.
func (d *decoder) file(format Format) error {
	first, ok := d.w.blanks()
	switch {
	case !ok:
		return d.w.failed()
	case first == '[':
		return d.array()
	case first == '{':
		return d.lines()
	case first == '<':
		return errMarkup
	case format == CSV || isHeader(d.w.peek(windowSize)):
		return d.table()
	default:
		return d.lines()
	}
}

// give hands over the row of which raw is the text, and moves on by used bytes.
func (d *decoder) give(raw []byte, broken error, used int) error {
	d.row = Row{Raw: raw, Fields: d.scan.fields}
	if broken != nil {
		d.row = Row{Raw: bytes.TrimSpace(raw[:min(len(raw), MaxRow)]), Err: broken}
	}
	d.rows++
	d.w.pos += used
	if err := d.each(&d.row); err != nil {
		return callerError{err}
	}
	return nil
}

// judge reads raw strictly and hands it over, as fields or as a broken row.
func (d *decoder) judge(raw []byte, used int) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) > MaxRow {
		return d.give(raw, errTooLong, used)
	}
	return d.give(raw, d.scan.strict(raw), used)
}
