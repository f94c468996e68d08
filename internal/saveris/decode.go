package saveris

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/readahead"
)

var (
	errNoList = errors.New("the answer holds no list of rows")
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
	w       *window
	scan    scanner
	row     Row
	each    func(*Row) error
	rows    int
	feed    Feed
	columns map[string]bool // of the feed; nil = any
	good    bool            // a row of the feed has come
	broken  error           // what is wrong with the first row, nil if it could be taken apart
	names   []string        // columns of a CSV file
	twice   bool            // names has one twice
	head    string          // how the file begins
	grouped bool            // the object that was looked at last has columns of the feed that rows in it lack
	total   int             // how many rows there are by what stands beside them, 0 = it does not say
}

// decode reads one file to its end and returns the number of rows handed over. An error means that the file is cut or
// broken as a whole; a row that is broken is handed over as such, and the next ones come.
func decode(src io.Reader, format Format, feed Feed, each func(*Row) error) (int, error) {
	plain, err := unpack(src)
	if err != nil {
		return 0, err
	}
	ahead, err := readahead.NewReaderSize(plain, aheadBuffers, aheadSize)
	if err != nil {
		return 0, err
	}
	defer ahead.Close()
	d, err := newDecoder(ahead, feed, each)
	if err != nil {
		return 0, err
	}
	err = d.file(format)
	return d.rows, d.judged(err)
}

// A file is unpacked a little ahead of the rows that are made of it, on another processor where there is one.
const (
	aheadBuffers = 4
	aheadSize    = 64 << 10
)

// openList begins to read a synchronous answer: a file that cannot be CSV, nor empty. It fails where that holds no list of rows.
func openList(src io.Reader, feed Feed) (*decoder, error) {
	plain, err := unpack(src)
	if err != nil {
		return nil, err
	}
	d, err := newDecoder(plain, feed, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoList, err)
	}
	switch first, ok := d.w.blanks(); {
	case !ok && d.w.failed() != nil:
		return nil, d.w.failed()
	case first == '[', first == '{' && d.promising():
		return d, nil
	}
	return nil, errNoList
}

// readList hands the rows of an answer that openList has begun to each, and returns their number.
func (d *decoder) readList(each func(*Row) error) (int, error) {
	d.each = each
	read := d.lines
	if first, _ := d.w.blanks(); first == '[' {
		read = d.array
	}
	err := read()
	if err == nil && d.total > d.rows { // of an export it may be the total of all files
		err = errMore
	}
	return d.rows, d.judged(err)
}

// newDecoder begins to read a text. It fails where the first bytes show that it is none.
func newDecoder(plain io.Reader, feed Feed, each func(*Row) error) (*decoder, error) {
	d := &decoder{w: newWindow(plain), feed: feed, columns: columnNames[feed], each: each}
	head := d.w.peek(headSize)
	if form := formOf(head); form != "" {
		return nil, looksLike(form)
	}
	d.head = string(head[:min(len(head), shownHead)])
	if strings.HasPrefix(d.head, "\ufeff") {
		d.w.pos += 3
	}
	return d, nil
}

// shownHead is how much of a file that is not understood is shown.
const shownHead = 120

// judged is the error of a file that was read to its end. One in which not a single line is a row of the feed, however few
// they are, is no file of the feed.
func (d *decoder) judged(err error) error {
	if err == nil && d.rows > 0 && !d.good && d.columns != nil {
		return d.foreign()
	}
	return err
}

func (d *decoder) foreign() error {
	text := fmt.Sprintf("there is no row of %s in it", d.feed)
	if d.broken != nil && d.broken != errNoObject {
		text += fmt.Sprintf(" (the first line: %v)", d.broken)
	}
	if isBinary(d.head) {
		return &foreignError{fmt.Sprintf("%s, it begins with the bytes % x", text, d.head[:min(len(d.head), 16)])}
	}
	return &foreignError{text + ", it begins with " + d.head}
}

// isBinary reports whether a text begins with what cannot be shown.
func isBinary(head string) bool {
	return strings.ContainsFunc(head[:min(len(head), 16)], func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' && r != '\n' })
}

// unpack returns the text of a file, bounded before and after unpacking: what is packed may be endless and unpack to nothing.
func unpack(src io.Reader) (io.Reader, error) {
	plain, err := gunzip(&bounded{src, maxFile, errHuge})
	if err != nil {
		return nil, err
	}
	return &bounded{plain, maxFile, errHuge}, nil
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
	case first == '<': // behind more blanks than were looked at
		return looksLike(markup(d.w.peek(headSize)))
	case format == CSV || isHeader(d.w.peek(windowSize)):
		return d.table()
	default:
		return d.lines()
	}
}

// emit hands over the row of which raw is the text, and moves on by used bytes.
func (d *decoder) emit(raw []byte, broken error, used int) error {
	d.row = Row{Raw: raw, Fields: d.scan.fields}
	if !d.good {
		d.good = broken == nil && hasColumns(d.scan.fields, d.columns)
	}
	if broken != nil && d.rows == 0 {
		d.broken = broken
	}
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
		return d.emit(raw, errTooLong, used)
	}
	return d.emit(raw, d.scan.strict(raw), used)
}
