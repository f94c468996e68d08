package checkpoint

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// table is the set of a page's entries, found by their keys: open addressing with linear probing, 16 bytes a slot. A key
// stands for one entry; the one that was put last counts. A large table is made of segments that grow one after the other, so
// that it never stands in memory twice. The zero table is empty and ready.
type table struct {
	only    segment   // until it is split
	split   []segment // then, 1<<segmentBits by the first bits of a key
	used    int       // slots that are taken
	hasZero bool      // the key that is all zero would look like an empty slot, so it has none
	zero    uint32    // its check
}

const (
	segmentBits = 6
	splitAt     = 1 << 16 // entries of the only segment, when it is split: a megabyte
)

// slot is an entry as it is compared: its key is head and tail. A slot whose key is all zero is empty.
type slot struct {
	head        uint64
	tail, check uint32
}

func slotOf(e Entry) slot {
	return slot{binary.BigEndian.Uint64(e[:8]), binary.BigEndian.Uint32(e[8:12]), binary.BigEndian.Uint32(e[12:])}
}

func (s slot) empty() bool { return s.head == 0 && s.tail == 0 }

// segment holds the entries whose keys have the same first bits.
type segment struct {
	slots []slot
	used  int
	bits  int // of the keys that are the same, 0 in a table of one segment
}

// room is how many of n slots may be taken: 85 %, so one is always empty. A miss then looks at 23 slots, which lie side by
// side.
func room(n int) int { return n * 17 / 20 }

// segments returns all of them.
func (t *table) segments() []segment {
	if t.split == nil {
		return []segment{t.only}
	}
	return t.split
}

// of returns the segment where a key belongs.
func (t *table) of(s slot) *segment {
	if t.split == nil {
		return &t.only
	}
	return &t.split[s.head>>(64-segmentBits)]
}

// get returns the check that was put last with the key of an entry.
func (t *table) get(e Entry) (check uint32, found bool) {
	want := slotOf(e)
	if want.empty() {
		return t.zero, t.hasZero
	}
	g := t.of(want)
	if g.used == 0 { // there may be no slots
		return 0, false
	}
	at := g.find(want)
	return at.check, !at.empty()
}

// put takes an entry over, in place of one with the same key.
func (t *table) put(e Entry) {
	if s := slotOf(e); s.empty() {
		t.zero, t.hasZero = s.check, true
	} else {
		t.set(s)
	}
}

func (t *table) set(s slot) {
	if t.split == nil && t.used >= splitAt {
		t.splitUp(t.used)
	}
	g := t.of(s)
	if g.used >= room(len(g.slots)) {
		g.resize(len(g.slots)*5/4 + 16) // a page of 20 entries has 36 slots, and an entry is moved four times on average
	}
	at := g.find(s)
	if at.empty() {
		g.used++
		t.used++
	}
	*at = s
}

// splitUp parts the only segment, with room for n entries in all.
func (t *table) splitUp(n int) {
	old := t.only.slots
	t.only, t.used, t.split = segment{}, 0, make([]segment, 1<<segmentBits)
	for i := range t.split {
		t.split[i].bits = segmentBits
	}
	t.reserve(n)
	t.takeIn(old)
}

func (t *table) takeIn(slots []slot) {
	for _, s := range slots {
		if !s.empty() {
			t.set(s)
		}
	}
}

// find returns the slot that holds the key of want, or the empty one where it belongs. There have to be slots.
func (g *segment) find(want slot) *slot {
	home, _ := bits.Mul64(want.head<<g.bits, uint64(len(g.slots))) // a key is a hash already, even in its first bits
	for i := int(home); ; i++ {
		if i == len(g.slots) {
			i = 0
		}
		if s := &g.slots[i]; s.head == want.head && s.tail == want.tail || s.empty() {
			return s
		}
	}
}

// reserve makes room for n entries in all at once; keys are hashes and fill all segments alike.
func (t *table) reserve(n int) {
	switch {
	case t.split != nil:
		mean := float64(n) / (1 << segmentBits)
		for i := range t.split {
			t.split[i].reserve(int(mean + 2*math.Sqrt(mean))) // few get more
		}
	case n > splitAt:
		t.splitUp(n)
	default:
		t.only.reserve(n)
	}
}

func (g *segment) reserve(n int) {
	if n > room(len(g.slots)) {
		g.resize(max(n*20/17+1, len(g.slots)*5/4)) // or many small steps would each move everything
	}
}

// resize needs the old and the new slots at once and nothing else. Entries are in about the order of their keys in both:
// each is gone through once from its beginning to its end.
func (g *segment) resize(n int) {
	old := g.slots
	g.slots = make([]slot, n)
	for _, s := range old {
		if !s.empty() {
			*g.find(s) = s
		}
	}
}

// addAll takes over the entries of another table.
func (t *table) addAll(from *table) {
	t.reserve(t.used + from.used)
	if from.hasZero {
		t.zero, t.hasZero = from.zero, true
	}
	for _, g := range from.segments() {
		t.takeIn(g.slots)
	}
}

// addOlder takes over the entries of another table whose keys it does not have.
func (t *table) addOlder(from *table) {
	t.reserve(t.used + from.used)
	if from.hasZero && !t.hasZero {
		t.zero, t.hasZero = from.zero, true
	}
	for _, g := range from.segments() {
		for _, s := range g.slots {
			if at := t.of(s); !s.empty() && (at.used == 0 || at.find(s).empty()) {
				t.set(s)
			}
		}
	}
}

// clear forgets all entries and keeps the memory.
func (t *table) clear() {
	for i := range t.split {
		t.split[i].clear()
	}
	t.only.clear()
	t.used, t.zero, t.hasZero = 0, 0, false
}

func (g *segment) clear() {
	clear(g.slots)
	g.used = 0
}
