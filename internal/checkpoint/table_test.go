package checkpoint

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// drawEntry draws entries whose keys meet: few of them, with few beginnings and few ends, zeros among both.
func drawEntry(t *rapid.T) Entry {
	var e Entry
	heads := rapid.SampledFrom([]uint64{0, 1, 1 << 63, 1<<63 + 1, 1<<64 - 1})
	if rapid.Bool().Draw(t, "spread") {
		heads = rapid.Uint64()
	}
	binary.BigEndian.PutUint64(e[:8], heads.Draw(t, "head"))
	binary.BigEndian.PutUint32(e[8:], rapid.Uint32Range(0, 3).Draw(t, "tail"))
	binary.BigEndian.PutUint32(e[12:], rapid.Uint32Range(0, 3).Draw(t, "check"))
	return e
}

// model is what a table has to be like.
type model map[[12]byte]uint32

func (m model) put(e Entry) { m[[12]byte(e[:12])] = binary.BigEndian.Uint32(e[12:]) }

func (m model) compare(t *rapid.T, ids *table, e Entry) {
	want, known := m[[12]byte(e[:12])]
	if check, found := ids.get(e); found != known || check != want {
		t.Fatalf("%x: check %d, %v; want %d, %v", e[:12], check, found, want, known)
	}
}

func slotsOf(t *table) (n int) {
	for _, g := range t.segments() {
		n += len(g.slots)
	}
	return n
}

func TestATableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ids table
		if rapid.Bool().Draw(t, "large") {
			ids.splitUp(0)
		}
		want := model{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				e := drawEntry(t)
				ids.put(e)
				want.put(e)
			},
			"get": func(t *rapid.T) { want.compare(t, &ids, drawEntry(t)) },
			"reserve": func(t *rapid.T) {
				n := rapid.IntRange(0, 200).Draw(t, "room")
				ids.reserve(n)
				if slots := slotsOf(&ids); ids.split == nil && room(slots) < n {
					t.Fatalf("%d slots have no room for %d", slots, n)
				}
			},
			"add all": func(t *rapid.T) {
				var more table
				for _, e := range rapid.SliceOfN(rapid.Custom(drawEntry), 0, 50).Draw(t, "more") {
					more.put(e)
					want.put(e)
				}
				ids.addAll(&more)
			},
			"add older": func(t *rapid.T) {
				var older table
				for _, e := range rapid.SliceOfN(rapid.Custom(drawEntry), 0, 50).Draw(t, "older") {
					older.put(e)
					if _, known := ids.get(e); !known {
						want.put(e)
					}
				}
				ids.addOlder(&older)
			},
			"clear": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					ids.clear()
					clear(want)
				}
			},
			"": func(t *rapid.T) {
				n := ids.used
				if ids.hasZero {
					n++
				}
				if n != len(want) || ids.used > room(slotsOf(&ids)) {
					t.Fatalf("%d entries in %d slots, want %d", n, slotsOf(&ids), len(want))
				}
				for key := range want {
					want.compare(t, &ids, Entry(append(key[:], 9, 9, 9, 9)))
				}
			},
		})
	})
}

func TestATableIsSmallWhereADayIs(t *testing.T) {
	for entries, most := range map[int]int{0: 0, 20: 1000, 1000: 24_000, 100_000: 2_400_000} {
		var ids table
		for i := range entries {
			var e Entry
			binary.BigEndian.PutUint64(e[:8], uint64(i+1)*0x9e3779b97f4a7c15)
			ids.put(e)
		}
		if bytes := 16 * slotsOf(&ids); bytes > most {
			t.Errorf("%d entries take %d bytes, want %d at most", entries, bytes, most)
		}
	}
}

// TestALargeTableIsNeverInMemoryTwice: while a day of 36,000 channels grows, only a part of it is moved at a time.
func TestALargeTableIsNeverInMemoryTwice(t *testing.T) {
	var ids table
	entry := func(i int) (e Entry) {
		binary.BigEndian.PutUint64(e[:8], uint64(i+1)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint32(e[12:], uint32(i))
		return e
	}
	const entries = 300_000
	largest, before := 0, 0
	for i := range entries {
		ids.put(entry(i))
		if now := slotsOf(&ids); now != before {
			if i > 2*splitAt {
				largest = max(largest, now-before)
			}
			before = now
		}
	}
	if most := before / 100; ids.used != entries || largest == 0 || largest > most {
		t.Errorf("%d entries; %d slots came at once, want %d at most", ids.used, largest, most)
	}
	for i := range entries {
		if check, found := ids.get(entry(i)); !found || check != uint32(i) {
			t.Fatalf("entry %d: %d, %v", i, check, found)
		}
	}
}
