package fleet

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// FuzzDocuments: whatever rows come, in whatever order, the documents are the same JSON, and are read again as they were written.
func FuzzDocuments(f *testing.F) {
	for i, kind := range schema.FleetKinds {
		f.Add([]byte(`[{"tenant_uuid":"t","device_uuid":"d","sensors":[{"sensor_uuid":"s","channels":[{"channel_no":1}]}]},5,{}]`), byte(i))
		for _, fixture := range fixturesOf(f, kind) {
			if fixture.format == saveris.JSON && !fixture.sync {
				rows := bytes.ReplaceAll(bytes.TrimSpace([]byte(fixture.body)), []byte("\n"), []byte(","))
				f.Add(append(append([]byte("["), rows...), ']'), byte(i))
			}
		}
	}
	f.Fuzz(func(t *testing.T, list []byte, which byte) {
		kind := schema.FleetKinds[int(which)%len(schema.FleetKinds)]
		var rows [][]byte
		if saveris.Elements(list, func(r *saveris.Row) error {
			rows = append(rows, bytes.Clone(r.Raw))
			return nil
		}) != nil || len(rows) > 100 {
			return
		}
		docs := documents(t, kind, rows)
		slices.Reverse(rows)
		if again := documents(t, kind, rows); !slices.Equal(docs, again) {
			t.Fatalf("%q, backwards %q", docs, again)
		}
		for _, doc := range docs {
			o, err := pools{}.parseObject(shapes[kind], []byte(doc))
			if err != nil || !json.Valid([]byte(doc)) || string(o.appendJSON(nil, false)) != doc {
				t.Fatalf("%s (%v)", doc, err)
			}
			for name, shape := range map[string]*shape{"whole": shapes[kind], "place": placeShapes[kind]} {
				if shape != nil {
					sameWhenPacked(t, name, kind, shape, doc)
				}
			}
		}
	})
}

// sameWhenPacked packs a document as read by a shape, and wants it back as it was.
func sameWhenPacked(t *testing.T, name string, kind Kind, s *shape, doc string) {
	t.Helper()
	o, err := pools{}.parseObject(s, []byte(doc))
	if err != nil {
		t.Fatalf("%s of %s: %v", name, doc, err)
	}
	want, known := string(o.appendJSON(nil, false)), &thing{doc: o}
	inv := NewInventory()
	inv.shapes = map[Kind]*shape{kind: s}
	inv.kinds[kind]["t.k"] = known
	inv.Pack()
	if inv.unpack(kind); string(known.doc.appendJSON(nil, false)) != want {
		t.Fatalf("%s of %s comes back as %s", name, want, known.doc.appendJSON(nil, false))
	}
}

// documents are those of rows, sorted.
func documents(t *testing.T, kind Kind, rows [][]byte) (docs []string) {
	t.Helper()
	r := newReader(kind)
	if err := saveris.Elements(append(append([]byte("["), bytes.Join(rows, []byte(","))...), ']'), r.row); err != nil {
		t.Fatal(err)
	}
	for _, o := range r.done() {
		docs = append(docs, string(o.appendJSON(nil, false)))
	}
	slices.Sort(docs)
	return docs
}
