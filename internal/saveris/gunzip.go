package saveris

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gunzip unpacks what begins like gzip, whatever its headers say: files are gzip in themselves, without a
// Content-Encoding (seen), and error bodies may be (seen). The library is a fifth faster than the standard one over the
// whole way of a packed file. A packed file in a packed transfer is unpacked twice.
func gunzip(src io.Reader) (io.Reader, error) {
	for range 2 {
		buffered := bufio.NewReaderSize(src, 32<<10)
		if magic, err := buffered.Peek(2); err != nil && err != io.EOF {
			return nil, err
		} else if string(magic) != gzipMagic {
			return buffered, nil
		}
		unzip, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		unzip.Multistream(false)
		src = &gzipMembers{src: buffered, unzip: unzip}
	}
	return src, nil
}

const gzipMagic = "\x1f\x8b"

var errBehindGzip = &foreignError{"the gzip file is followed by other bytes"}

// gzipMembers reads the members of a gzip file one after the other. Those that hold nothing are passed over, and so are
// zeros, with which tapes and block stores fill up; any other byte behind a member may be rows that nobody could read. There
// may be as many as the source is allowed to have bytes.
type gzipMembers struct {
	src   *bufio.Reader
	unzip *gzip.Reader
	over  error
}

func (g *gzipMembers) Read(p []byte) (int, error) {
	for g.over == nil {
		n, err := g.unzip.Read(p)
		if err == io.EOF {
			err = g.next()
		}
		g.over = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, g.over
}

// next goes to the next member; io.EOF where there is none.
func (g *gzipMembers) next() error {
	if err := g.skipZeros(); err != nil {
		return err
	}
	magic, err := g.src.Peek(2)
	if err != nil && err != io.EOF {
		return err
	}
	if string(magic) != gzipMagic {
		return errBehindGzip
	}
	if err := g.unzip.Reset(g.src); err != nil {
		return fmt.Errorf("unpack: %w", noEOF(err))
	}
	g.unzip.Multistream(false)
	return nil
}

func (g *gzipMembers) skipZeros() error {
	for {
		c, err := g.src.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			return g.src.UnreadByte()
		}
	}
}

// noEOF: a file that ends within a member is cut.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
