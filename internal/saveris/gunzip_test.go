package saveris

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris/saveristest"
)

// Rows whose checksum was right are rows, whatever of nothing follows them; a second member's rows are rows too.
func TestWhatFollowsAGzipMember(t *testing.T) {
	t.Parallel()
	empty := string(packedBytes(""))
	tails := map[string]string{
		"a zero": "\x00", "a block of zeros": strings.Repeat("\x00", 512), "zeros without end": strings.Repeat("\x00", 1<<20),
		"an empty member": empty, "many empty members": strings.Repeat(empty, 5000), "a member with a row": string(packedBytes(reading + "\n")),
	}
	read := func(file string) (int, error) { return decode(strings.NewReader(file), JSON, Measurements, nothing) }
	first := string(packedBytes(reading + "\n"))
	for one, a := range tails {
		for two, b := range tails {
			for _, file := range []string{first + a + b, empty + first + a + b, string(packedBytes(first + a + b)), string(packedBytes(first+a)) + string(packedBytes(b))} {
				want := 1
				for _, tail := range []string{a, b} {
					if tail == tails["a member with a row"] {
						want++
					}
				}
				if rows, err := read(file); rows != want || err != nil {
					t.Errorf("%s, %s: %d rows, want %d, %v", one, two, rows, want, err)
				}
			}
		}
	}
}

// Anything else behind a member may be rows that nobody has read.
func TestOtherBytesBehindAGzipMemberAreAnError(t *testing.T) {
	t.Parallel()
	first, second := string(packedBytes(reading+"\n")), string(packedBytes(reading+"\n"))
	zeros := strings.Repeat("\x00", 100)
	for _, tail := range []string{"x", "\x1f", "\n", reading, "\x1f\x1f", zeros + "x", string(packedBytes("")) + reading, "PK\x03\x04", "\x28\xb5\x2f\xfd"} {
		for _, file := range []string{first + tail, string(packedBytes(first + tail))} {
			var foreign *foreignError
			if _, err := decode(strings.NewReader(file), JSON, Measurements, nothing); !errors.As(err, &foreign) {
				t.Errorf("%.20q: got %v", tail, err)
			}
		}
	}
	for n := 1; n < len(second); n++ {
		for _, between := range []string{"", zeros} {
			if rows, err := decode(strings.NewReader(first+between+second[:n]), JSON, Measurements, nothing); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("a second member that is cut after %d bytes gave %d rows, %v", n, rows, err)
			}
		}
	}
}

func TestManyEmptyMembersNeedNoMemory(t *testing.T) {
	file := io.MultiReader(bytes.NewReader(packedBytes(reading)), members(nil, 200_000))
	rows, used := 0, uint64(0)
	var err error
	used = allocated(func() { rows, err = decode(file, JSON, Measurements, nothing) })
	if rows != 1 || err != nil || used > 2<<20 {
		t.Errorf("%d rows, %v, %d bytes allocated", rows, err, used)
	}
}

func TestGzipTailsOfTheVendor(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{"zeros", "empty members", "member"} {
		for _, format := range []Format{JSON, CSV} {
			srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{GzipTail: tail, FileGzip: "always"}})
			c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Format = format })
			rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
			if err != nil {
				t.Fatal(fmt.Errorf("%s of %s: %w", tail, format, err))
			}
			expectTruth(t, srv, rows, nil)
			if n := srv.Count("submit"); n != 1 {
				t.Errorf("%s of %s: %d exports", tail, format, n)
			}
		}
	}
}
