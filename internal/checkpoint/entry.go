package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
)

// EntrySize is the length of an Entry in bytes.
const EntrySize = 16

// Entry stands for one stored event in a page's index: twelve bytes of SHA-256 over the event's id, then the CRC-32C of
// its row's content, big endian.
type Entry [EntrySize]byte

// NewEntry makes the entry of an event.
func NewEntry(id string, check uint32) Entry {
	var stack [128]byte // longer ids are copied to the heap
	sum := sha256.Sum256(append(stack[:0], id...))
	var e Entry
	copy(e[:12], sum[:12])
	binary.BigEndian.PutUint32(e[12:], check)
	return e
}

// Digest is the sum modulo 2^128 of a page's entries read as big-endian numbers: the same for the same events in any
// order. It is written as 32 hex digits.
type Digest struct{ hi, lo uint64 }

// Add returns the digest with one more entry.
func (d Digest) Add(e Entry) Digest {
	lo, carry := bits.Add64(d.lo, binary.BigEndian.Uint64(e[8:]), 0)
	hi, _ := bits.Add64(d.hi, binary.BigEndian.Uint64(e[:8]), carry)
	return Digest{hi, lo}
}

// String returns 32 hex digits.
func (d Digest) String() string { return fmt.Sprintf("%016x%016x", d.hi, d.lo) }

// MarshalText returns 32 hex digits.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 32 hex digits and refuses anything else.
func (d *Digest) UnmarshalText(text []byte) error {
	var b [16]byte
	if n, err := hex.Decode(b[:], text[:min(len(text), 32)]); err != nil || n != 16 || len(text) != 32 {
		return fmt.Errorf("digest %q: expected 32 hex digits", text)
	}
	d.hi, d.lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	return nil
}

// Entries reads the body of an index message.
func Entries(body []byte) ([]Entry, error) {
	if err := checkBody(body); err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(body)/EntrySize)
	for ; len(body) > 0; body = body[EntrySize:] {
		out = append(out, Entry(body[:EntrySize]))
	}
	return out, nil
}

func checkBody(body []byte) error {
	if len(body) == 0 || len(body)%EntrySize != 0 {
		return fmt.Errorf("index body of %d bytes: expected a multiple of %d", len(body), EntrySize)
	}
	return nil
}
