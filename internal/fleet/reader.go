package fleet

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// reader makes documents of the rows of one answer. A row of an export is flat and repeats what stands above it; one of a
// synchronous answer holds objects within objects.
type reader struct {
	spelling *spelling
	nested   bool               // the row at hand holds objects
	seen     *coverage          // what stood in any row
	flat     map[string]*slot   // by the name as it is written
	inside   []map[string]*slot // of rows that hold objects: by level as well
	level    []*object          // the row at hand, by level
	things   map[string]*object
	buf      []byte

	rows    int
	odd     int    // rows that are no thing of the kind
	reason  error  // of the first
	unnamed error  // of the row or object at hand: what should tell it apart is none of its form
	strange string // a column with a value that has no place
}

// slot is a column of the answer at hand: where it belongs, and its last value, which mostly comes again.
type slot struct {
	place
	kind  saveris.Kind
	text  []byte
	value value
	ok    bool
	pool  pool // by the text as it is written
}

func newReader(kind Kind) *reader {
	r := &reader{spelling: spellings[kind], things: map[string]*object{}, seen: newCoverage(shapes[kind]), flat: map[string]*slot{}}
	for _, s := range r.spelling.levels {
		r.inside = append(r.inside, map[string]*slot{})
		r.level = append(r.level, &object{shape: s, cells: make([]value, len(s.columns))})
	}
	return r
}

// row takes a row over. One that is not understood is counted, and the next ones come.
func (r *reader) row(row *saveris.Row) error {
	r.rows++
	err := row.Err
	if err == nil {
		err = r.take(row.Fields)
	}
	if err != nil {
		r.odd++
		r.reason = cmp.Or(r.reason, err)
	}
	return nil
}

func (r *reader) take(fields []saveris.Field) error {
	r.unnamed = nil
	r.nested = slices.ContainsFunc(fields, func(f saveris.Field) bool {
		return f.Kind == saveris.Nested && r.within(f.Name, 0).nest
	})
	for _, o := range r.level {
		clear(o.cells)
		o.other = o.other[:0]
	}
	if r.nested {
		return r.object(fields, 0, nil)
	}
	var homeless []saveris.Field
	for _, f := range fields {
		if !r.put(f, r.find(r.flat, f.Name, r.spelling.flat, -1)) {
			homeless = append(homeless, f)
		}
	}
	deepest := len(r.level) - 1
	for deepest > 0 && r.level[deepest].identity() == "" {
		deepest--
	}
	if r.unnamed != nil {
		return r.unnamed
	}
	var noList error
	for _, f := range homeless {
		if deepest == 0 && r.within(f.Name, 0).nest && !blank(f) {
			noList = cmp.Or(noList, fmt.Errorf("%s is no list", f.Name))
		}
		r.putOther(f, min(deepest, r.spelling.levelOf(f.Name)))
	}
	return cmp.Or(r.attach(deepest), noList)
}

// blank reports whether a column says nothing.
func blank(f saveris.Field) bool {
	return f.Kind == saveris.Null || f.Kind == saveris.String && len(f.Text) == 0
}

// within returns where a column of an object belongs that stands on a level.
func (r *reader) within(name string, level int) *slot {
	return r.find(r.inside[level], name, r.spelling.nested[level], level)
}

// find returns where a column belongs, by those that have been found before, else by a table.
func (r *reader) find(found map[string]*slot, name string, table map[string]place, level int) *slot {
	if c, known := found[name]; known {
		return c
	}
	p, known := table[fold(name)]
	if !known {
		p = place{level: level, index: -1, name: name}
	}
	c := &slot{place: p, pool: pool{}}
	if len(found) < 1000 {
		found[strings.Clone(name)] = c
	}
	return c
}

// put puts a value into its cell. It says no where there is none, or it is taken, or the value is none of its form.
func (r *reader) put(f saveris.Field, c *slot) bool {
	if c.index < 0 {
		return false
	}
	o := r.level[c.level]
	extra := c.index >= len(o.cells)
	if !extra {
		r.seen.cells[c.level][c.index], r.seen.other[c.level][c.name] = true, true
	}
	v, ok := r.value(f, c)
	switch {
	case !ok:
		if o.shape.names(c.name) {
			r.unnamed = cmp.Or(r.unnamed, fmt.Errorf("%s is not understood", c.name))
		}
		return false
	case extra:
		if o.otherValue(c.name) == null {
			o.set(c.name, v)
		}
		r.seen.other[c.level][c.name] = true
	case o.cells[c.index] == null:
		o.cells[c.index] = v
	case v != null && v != o.cells[c.index]:
		return false
	}
	return true
}

// value brings a value into the form of its column.
func (r *reader) value(f saveris.Field, c *slot) (value, bool) {
	if f.Kind == saveris.Null || len(f.Text) == 0 {
		return null, true
	}
	if f.Kind != c.kind {
		c.kind, c.text = f.Kind, c.text[:0]
		clear(c.pool)
	}
	if bytes.Equal(f.Text, c.text) {
		return c.value, c.ok
	}
	c.text = append(c.text[:0], f.Text...)
	if v, known := c.pool[string(f.Text)]; known {
		c.value, c.ok = v, true
		return v, true
	}
	c.value = null
	if r.buf, c.ok = canonical(r.buf[:0], c.form, f); c.ok && len(r.buf) > 0 {
		c.value = c.pool.keep(f.Text, value(r.buf))
	}
	return c.value, c.ok
}

// putOther puts a column that has no cell into "other", as the vendor wrote it.
func (r *reader) putOther(f saveris.Field, level int) {
	r.seen.other[level][f.Name] = true
	if blank(f) {
		return
	}
	if r.strange == "" {
		r.strange = strings.Clone(f.Name)
	}
	r.level[level].set(strings.ToValidUTF8(f.Name, "\ufffd"), value(schema.AppendVendor(nil, f)))
}

// attach puts the row's levels, down to the deepest, where they belong.
func (r *reader) attach(deepest int) error {
	id := r.level[0].identity()
	if id == "" {
		return fmt.Errorf("it has no %s", r.spelling.levels[0].id[0])
	}
	o := r.things[id]
	if o == nil {
		o = r.level[0].copy()
		r.things[id] = o
	} else {
		o.settle(r.level[0])
	}
	for level, part := range r.level[1 : deepest+1] {
		o = o.part(part)
		if o == nil {
			return fmt.Errorf("what stands in %s has no %s", r.spelling.levels[level].nest, part.shape.id[0])
		}
	}
	return nil
}

// object takes an object of a synchronous answer over, and those within it.
func (r *reader) object(fields []saveris.Field, level int, parent *object) error {
	o := r.level[level]
	clear(o.cells)
	o.other = o.other[:0]
	r.unnamed = nil
	var within []byte
	var odd error // the first one; the others are read
	for _, f := range fields {
		switch c := r.within(f.Name, level); {
		case c.nest && f.Kind == saveris.Nested:
			within = f.Text
		case c.nest && !blank(f):
			odd = fmt.Errorf("%s is no list", f.Name)
		case c.nest:
		case !r.put(f, c):
			r.putOther(f, level)
		}
	}
	if r.unnamed != nil {
		return r.unnamed
	}
	var kept *object
	if level == 0 {
		if err := r.attach(0); err != nil {
			return err
		}
		kept = r.things[o.identity()]
	} else if kept = parent.part(o); kept == nil {
		return fmt.Errorf("an object in %s has no %s", r.spelling.levels[level-1].nest, o.shape.id[0])
	}
	if within == nil {
		return odd
	}
	err := saveris.Elements(within, func(row *saveris.Row) error {
		err := row.Err
		if err == nil {
			err = r.object(row.Fields, level+1, kept)
		}
		odd = cmp.Or(odd, err)
		return nil
	})
	return cmp.Or(err, odd)
}

// part returns the object within o that p is, as it is kept; nil where p has nothing to tell it by.
func (o *object) part(p *object) *object {
	if p.identity() == "" {
		return nil
	}
	for _, have := range o.inner {
		if have.is(p) {
			have.settle(p)
			return have
		}
	}
	kept := p.copy()
	o.inner = append(o.inner, kept)
	return kept
}

func (o *object) copy() *object {
	return &object{shape: o.shape, cells: slices.Clone(o.cells), other: slices.Clone(o.other)}
}

// settle keeps the newer of two that are the same object. What is within stays.
func (o *object) settle(p *object) {
	if slices.Equal(o.cells, p.cells) && slices.Equal(o.other, p.other) {
		return
	}
	if a, b := (&object{shape: o.shape, cells: o.cells, other: o.other}), p; b.newer(a) {
		copy(o.cells, p.cells)
		o.other = slices.Clone(p.other)
	}
}

// done returns the documents, in no order.
func (r *reader) done() []*object {
	all := make([]*object, 0, len(r.things))
	for _, o := range r.things {
		o.sort()
		all = append(all, o)
	}
	r.things = nil
	return all
}
