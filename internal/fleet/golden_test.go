package fleet

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"saveris-bridge/internal/schema"
)

var update = flag.Bool("update", false, "write the goldens")

// golden is the whole document of a kind: the current export's on top of the oldest route's, which has columns that are gone.
func golden(t *testing.T, kind Kind) []byte {
	t.Helper()
	name := filepath.Join("testdata", string(kind)+".golden.json")
	if *update {
		inv := NewInventory()
		all := fixturesOf(t, kind)
		var events []schema.FleetChange
		for i := range all {
			if all[i].sync || kind == schema.KindLocation || kind == schema.KindMeasuringObject {
				events = append(events, store(inv, inv.Compare(all[i].look(t)))...)
			}
		}
		for i := range all {
			if !all[i].sync {
				events = append(events, store(inv, inv.Compare(all[i].look(t)))...)
			}
		}
		var b bytes.Buffer
		if err := json.Indent(&b, events[len(events)-1].Document, "", " "); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEveryRouteAndVersionGivesTheSameDocument: on top of what is known it is the same to the byte, and no change; from nothing
// on it is the same but for the columns that the route does not have by the vendor's document.
func TestEveryRouteAndVersionGivesTheSameDocument(t *testing.T) {
	for _, kind := range schema.FleetKinds {
		want := golden(t, kind)
		for _, f := range fixturesOf(t, kind) {
			inv := NewInventory()
			first := store(inv, inv.Compare(f.look(t)))
			if len(first) != 1 || first[0].Changed != nil || first[0].Removed {
				t.Fatalf("%s: from nothing %d changes", f.name, len(first))
			}
			whole, err := pools{}.parseObject(shapes[kind], want)
			if err != nil {
				t.Fatal(err)
			}
			alone, err := pools{}.parseObject(shapes[kind], first[0].Document)
			if err != nil {
				t.Fatal(err)
			}
			cover := coverageOf(kind, f.endpoint)
			whole.without(cover, 0)
			if got, want := alone.appendJSON(nil, false), whole.appendJSON(nil, false); !bytes.Equal(got, want) {
				t.Errorf("%s: from nothing\n%s\nwant\n%s", f.name, got, want)
			}

			inv = NewInventory()
			if err := inv.Load([]byte(`{"kind":"`+string(kind)+`","key":"`+first[0].Key+`","document":`+string(want)+`,"changed":[],"removed":false}`), 7); err != nil {
				t.Fatal(err)
			}
			if changes := inv.Compare(f.look(t)); len(changes) != 0 {
				t.Errorf("%s: on top of it %q has changed", f.name, changes[0].Event().Changed)
			}
			inv.Pack()
			inv.unpack(kind)
			for _, known := range inv.kinds[kind] {
				if got := known.doc.appendJSON(nil, false); !bytes.Equal(got, want) {
					t.Errorf("%s: on top of it\n%s\nwant\n%s", f.name, got, want)
				}
			}
		}
	}
}

// without takes out what a route does not have.
func (o *object) without(c *coverage, level int) {
	for i, could := range c.cells[level] {
		if !could {
			o.cells[i] = null
		}
	}
	var other []member
	for _, m := range o.other {
		if c.other[level][m.name] {
			other = append(other, m)
		}
	}
	o.other = other
	for _, part := range o.inner {
		part.without(c, level+1)
	}
}
