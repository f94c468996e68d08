package fleet

import (
	"bytes"
	"compress/flate"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// packed are the documents of a kind while nobody needs them: they take a tenth of the memory.
type packed struct {
	things []*thing      // whose they are
	text   []byte        // compressed: the documents, one behind the other; once it is closed
	buffer bytes.Buffer  // that it is written to
	writer *flate.Writer // nil where nothing was added, and where it is closed
	room   []byte        // for one document
}

// writers are of use again: one takes a megabyte.
var writers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // there is such a level
	return w
}}

// add takes the document out of a thing.
func (p *packed) add(t *thing) {
	if p.writer == nil {
		p.writer = writers.Get().(*flate.Writer)
		p.writer.Reset(&p.buffer)
	}
	p.room = t.doc.appendJSON(p.room[:0], false)
	_, _ = p.writer.Write(p.room) // memory takes it
	p.things, t.doc = append(p.things, t), nil
}

// close ends adding, and lets go of the writer.
func (p *packed) close() {
	if p.writer != nil {
		_ = p.writer.Close() // as add
		p.writer.Reset(nil)  // it holds nothing of ours
		writers.Put(p.writer)
		*p = packed{things: p.things, text: bytes.Clone(p.buffer.Bytes())}
	}
}

// Pack has all documents take little memory until they are needed. Of a kind of which nothing is known it packs what is loaded, until it
// is called again.
func (inv *Inventory) Pack() {
	for kind := range inv.shapes {
		p := inv.packed[kind]
		if p == nil {
			p = &packed{}
			for _, t := range inv.kinds[kind] {
				p.add(t)
			}
			inv.packed[kind] = p
		}
		p.close()
	}
	clear(inv.pools)
}

// unpack makes the documents of a kind ready for use.
func (inv *Inventory) unpack(kind Kind) {
	p := inv.packed[kind]
	if p == nil {
		return
	}
	delete(inv.packed, kind)
	p.close()
	d := jsontext.NewDecoder(flate.NewReader(bytes.NewReader(p.text)), ours)
	for _, t := range p.things {
		var err error
		if t.doc, err = inv.pools.readObject(d, inv.shapes[kind]); err != nil {
			panic(fmt.Sprintf("fleet: internal error: unpack %s: %v", kind, err))
		}
	}
}

// packLoaded packs a thing that was loaded, where its kind is packed.
func (inv *Inventory) packLoaded(kind Kind, t *thing) {
	switch p := inv.packed[kind]; {
	case p == nil:
	case p.text != nil:
		inv.unpack(kind)
	default:
		p.add(t)
	}
}
