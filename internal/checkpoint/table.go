package checkpoint

import (
	"encoding/binary"
	"math/bits"
)

// table is the set of a page's entries, found by their keys: open addressing with linear probing, 16 bytes a slot. A key
// stands for one entry; the one that was put last counts. The zero table is empty and ready.
type table struct {
	slots   []slot
	used    int    // slots that are taken
	hasZero bool   // the key that is all zero would look like an empty slot, so it has none
	zero    uint32 // its check
}

// slot is an entry as it is compared: its key is head and tail. A slot whose key is all zero is empty.
type slot struct {
	head        uint64
	tail, check uint32
}

func slotOf(e Entry) slot {
	return slot{binary.BigEndian.Uint64(e[:8]), binary.BigEndian.Uint32(e[8:12]), binary.BigEndian.Uint32(e[12:])}
}

func (s slot) empty() bool { return s.head == 0 && s.tail == 0 }

// room is how many of n slots may be taken: 85 %, so one is always empty. A miss then looks at 23 slots, which lie side by
// side.
func room(n int) int { return n * 17 / 20 }

// get returns the check that was put last with the key of an entry.
func (t *table) get(e Entry) (check uint32, found bool) {
	want := slotOf(e)
	if want.empty() {
		return t.zero, t.hasZero
	}
	if t.used == 0 { // there may be no slots
		return 0, false
	}
	at := t.find(want)
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
	if t.used >= room(len(t.slots)) {
		t.resize(len(t.slots)*5/4 + 16) // a page of 20 entries has 36 slots, and an entry is moved four times on average
	}
	at := t.find(s)
	if at.empty() {
		t.used++
	}
	*at = s
}

// find returns the slot that holds the key of want, or the empty one where it belongs.
func (t *table) find(want slot) *slot {
	home, _ := bits.Mul64(want.head, uint64(len(t.slots))) // a key is a hash already, even in its first bits
	for i := int(home); ; i++ {
		if i == len(t.slots) {
			i = 0
		}
		if s := &t.slots[i]; s.head == want.head && s.tail == want.tail || s.empty() {
			return s
		}
	}
}

// reserve makes room for n entries in all at once.
func (t *table) reserve(n int) {
	if n > room(len(t.slots)) {
		t.resize(max(n*20/17+1, len(t.slots)*5/4)) // or many small steps would each move everything
	}
}

// resize needs the old and the new slots at once and nothing else. Entries are in about the order of their keys in both:
// each is gone through once from its beginning to its end.
func (t *table) resize(n int) {
	old := t.slots
	t.slots = make([]slot, n)
	for _, s := range old {
		if !s.empty() {
			*t.find(s) = s
		}
	}
}

// addAll takes over the entries of another table.
func (t *table) addAll(from *table) {
	t.reserve(t.used + from.used)
	if from.hasZero {
		t.zero, t.hasZero = from.zero, true
	}
	for _, s := range from.slots {
		if !s.empty() {
			t.set(s)
		}
	}
}

// addOlder takes over the entries of another table whose keys it does not have.
func (t *table) addOlder(from *table) {
	t.reserve(t.used + from.used)
	if from.hasZero && !t.hasZero {
		t.zero, t.hasZero = from.zero, true
	}
	for _, s := range from.slots {
		if !s.empty() && t.find(s).empty() {
			t.set(s)
		}
	}
}

// clear forgets all entries and keeps the memory.
func (t *table) clear() {
	clear(t.slots)
	t.used, t.zero, t.hasZero = 0, 0, false
}
