package saveris

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// endless gives the same byte for ever, up to n of them.
type endless struct {
	b byte
	n int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), e.n)]
	for i := range p {
		p[i] = e.b
	}
	e.n -= int64(len(p))
	return len(p), nil
}

// allocated is what a function allocates in all: what it holds cannot be more.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHugeLineNeedsNoMemory(t *testing.T) {
	const huge = 24 << 20
	long := func(before, after string) io.Reader {
		return io.MultiReader(strings.NewReader(before), &endless{'x', huge}, strings.NewReader(after))
	}
	for name, file := range map[string]io.Reader{
		"line":       long(`{"a":1}`+"\n"+`{"b":"`, `"}`+"\n"+`{"a":2}`),
		"no newline": io.MultiReader(strings.NewReader(`{"a":1}`+"\n"), strings.NewReader(`{"a":2}`+"\n"), &endless{'x', huge}),
		"element":    long(`[{"a":1},{"b":"`, `"},{"a":2}]`),
		"scalar":     long(`[{"a":1},`, `,{"a":2}]`),
		"CSV":        long("a,b\n1,2\n3,", "\n5,6\n"),
		"CSV quotes": long("a,b\n1,2\n3,\"", "\"\n5,6\n"),
		"blanks":     io.MultiReader(strings.NewReader("[{\"a\":1},"), &endless{' ', huge}, strings.NewReader("1,{\"a\":2}]")),
	} {
		var errs, good int
		var err error
		used := allocated(func() {
			_, err = decode(file, JSON, "", func(r *Row) error {
				if len(r.Raw) > MaxRow {
					t.Errorf("%s: a row of %d bytes", name, len(r.Raw))
				}
				if r.Err != nil {
					errs++
				} else {
					good++
				}
				return nil
			})
		})
		if err != nil || errs != 1 || good != 2 {
			t.Errorf("%s: %d broken rows, %d good ones, %v", name, errs, good, err)
		}
		if used > 2<<20 {
			t.Errorf("%s: allocated %d bytes", name, used)
		}
	}
}

func TestGzipBombIsBounded(t *testing.T) {
	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	io.Copy(z, io.MultiReader(&endless{'x', 24 << 20}, strings.NewReader("\n"+reading)))
	z.Close()
	rows := 0
	var err error
	used := allocated(func() { rows, err = decode(&bomb, JSON, "", nothing) })
	if err != nil || rows != 2 || used > 2<<20 {
		t.Errorf("%d rows, %v, %d bytes allocated", rows, err, used)
	}
	b := &bounded{&endless{'x', 1 << 40}, 1 << 20, errHuge}
	if n, err := io.Copy(io.Discard, b); n != 1<<20 || !errors.Is(err, errHuge) {
		t.Errorf("%d bytes came through, %v", n, err)
	}
}

func TestRowsCostNoMemory(t *testing.T) {
	file := strings.Repeat(reading+"\n", 20000)
	used := allocated(func() {
		if n, err := decode(strings.NewReader(file), JSON, "", nothing); n != 20000 || err != nil {
			t.Error(n, err)
		}
	})
	if used > 1<<20 {
		t.Errorf("%d bytes for a file of %d", used, len(file))
	}
}
