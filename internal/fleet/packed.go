package fleet

import (
	"bytes"
	"compress/flate"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// packed are the documents of a kind while nobody needs them: they take a tenth of the memory.
type packed struct {
	things  []*thing     // whose they are
	text    bytes.Buffer // compressed: the documents, one behind the other
	writer  *flate.Writer
	scratch []byte
}

func newPacked() *packed {
	p := &packed{}
	p.writer, _ = flate.NewWriter(&p.text, flate.BestSpeed) // there is such a level
	return p
}

// add takes the document out of a thing.
func (p *packed) add(t *thing) {
	p.scratch = t.doc.appendJSON(p.scratch[:0], false)
	_, _ = p.writer.Write(p.scratch) // memory takes it
	p.things, t.doc = append(p.things, t), nil
}

// Pack has all documents take little memory until they are needed, also those that are loaded meanwhile.
func (inv *Inventory) Pack() {
	for kind, things := range inv.kinds {
		if inv.packed[kind] != nil || inv.shapes[kind] == nil {
			continue
		}
		p := newPacked()
		for _, t := range things {
			p.add(t)
		}
		inv.packed[kind] = p
	}
}

// unpack makes the documents of a kind ready for use.
func (inv *Inventory) unpack(kind Kind) {
	p := inv.packed[kind]
	if p == nil {
		return
	}
	delete(inv.packed, kind)
	err := p.writer.Close()
	d := jsontext.NewDecoder(flate.NewReader(&p.text), ours)
	for i := 0; i < len(p.things) && err == nil; i++ {
		p.things[i].doc, err = inv.pools.readObject(d, inv.shapes[kind])
	}
	if err != nil {
		panic(fmt.Sprintf("fleet: internal error: unpack %s: %v", kind, err))
	}
}
