package fleet

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestWhateverIsSeenEachThingIsAtOnePlaceAndTheStreamSaysSo: devices come, go, move, swap serial numbers and sensors, rows are not understood,
// routes change and the stream loses its beginning. The same answer once more is no change, no two changes of a look are of one subject,
// and who reads the stream knows what the one knows who has looked.
func TestWhateverIsSeenEachThingIsAtOnePlaceAndTheStreamSaysSo(t *testing.T) {
	for seed := range uint64(variants.Of(40, 200)) {
		random := rand.New(rand.NewPCG(seed, 7))
		inv, reader, sequence := NewInventory(), NewInventory(), uint64(0)
		for step := range 12 {
			source := rowsOf{saveris.DeviceProperties: anyRows(random)}
			older := random.IntN(3) == 0
			if random.IntN(5) == 0 {
				inv.Lost(random.Uint64N(sequence + 1))
			}
			for look := range 4 {
				if seed%2 == 0 { // it makes no difference
					inv.Pack()
					reader.Pack()
				}
				seen := NewWalker(source, inv).kind(t.Context(), schema.KindDevice)
				if older {
					seen.cover = coverageOf(schema.KindDevice, "/v1/devices/properties")
				}
				changes, subjects := inv.Compare(seen), map[string]bool{}
				if look >= looksUntilGone && len(changes) > 0 {
					t.Fatalf("seed %d, step %d: %q by %q once more", seed, step, told(changes), source)
				}
				for _, c := range changes {
					sequence++
					e := c.Event()
					if subjects[e.Subject("saveris")] {
						t.Fatalf("seed %d, step %d: two changes on %s", seed, step, e.Subject("saveris"))
					}
					subjects[e.Subject("saveris")] = true
					inv.Stored(c, sequence)
					if err := reader.Load(e.AppendData(nil), sequence); err != nil {
						t.Fatal(err)
					}
				}
			}
			sameAndOnce(t, fmt.Sprintf("seed %d, step %d", seed, step), inv, reader)
		}
	}
}

// anyRows are rows of up to three devices, which share sensors and serial numbers, and of something else.
func anyRows(random *rand.Rand) (rows []string) {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for _, device := range []string{"ua", "ub", "uc"} {
		serial, tenant, name, active := pick("1", "1", "2", "3", ""), pick("t1", "t1", "t2"), pick("A", "B"), pick("true", "false")
		for range random.IntN(4) {
			rows = append(rows, fmt.Sprintf(`{"device_uuid":%q,"device_serial_no":%q,"tenant_uuid":%q,"device_display_name":%q,"device_is_active":%q,"sensor_uuid":%q,"sensor_display_name":%q,"channel_no":%d,"x":%d}`,
				device, serial, tenant, name, active, pick("s1", "s2", "s3"), pick("S", "T"), random.IntN(3), random.IntN(2)))
		}
	}
	if random.IntN(4) == 0 {
		rows = append(rows, `5`)
	}
	return rows
}

// sameAndOnce wants a reader of the stream to know the same, and each device to be at one place.
func sameAndOnce(t *testing.T, when string, inv, reader *Inventory) {
	t.Helper()
	inv.unpack(schema.KindDevice)
	reader.unpack(schema.KindDevice)
	places := map[string]string{}
	for place, one := range inv.kinds[schema.KindDevice] {
		read := reader.kinds[schema.KindDevice][place]
		if read == nil || read.removed != one.removed || read.doc.hash() != one.doc.hash() {
			t.Fatalf("%s: the stream has something else at %s", when, place)
		}
		if one.removed {
			continue
		}
		if other, twice := places[one.doc.identity()]; twice {
			t.Fatalf("%s: %s is at %s and at %s", when, one.doc.identity(), place, other)
		}
		places[one.doc.identity()] = place
	}
}
