package fleet

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"saveris-bridge/internal/schema"
)

// comparison is that of one look with what is known of its kind.
type comparison struct {
	Look
	known   map[string]*thing // by place
	keys    map[string]string // of the things seen, by identity
	places  map[string]string // of the things known, by identity
	ids     map[string]bool   // identities of what was seen
	parts   map[string]bool   // likewise of what stands within it; nil until it is asked for
	changes []Change
}

// keepPlaces has what is known by tenant and serial number keep them where a look lacks them: no thing loses them.
func (c *comparison) keepPlaces() {
	source := sources[c.Kind]
	for _, doc := range c.things {
		place, known := c.places[doc.identity()]
		if !known {
			continue
		}
		for i, column := range doc.shape.columns {
			if (column.name == source.tenant || column.name == source.serial) && doc.cells[i] == null {
				doc.cells[i] = c.known[place].doc.cells[i]
			}
		}
	}
}

// halfRead returns why a look was not understood, although each of its rows was: there is a column that has no place, while no thing has
// anything within it on a level on which known things have, or none has a steady column any more. Of such a column the look says nothing.
func (inv *Inventory) halfRead(seen Look, strange string) (err error) {
	if strange == "" || len(seen.things) == 0 {
		return nil
	}
	known := inv.living(seen.Kind)
	lost := func(name string) {
		err = cmp.Or(err, fmt.Errorf("nothing has %s any more, and nobody knows what %s says", name, strange))
	}
	for level, s := 0, shapes[seen.Kind]; s != nil; level, s = level+1, s.inner {
		for i, column := range s.columns {
			has := func(o *object) bool { return o.cells[i] != null }
			if steady[column.name] && seen.cover.cells[level][i] && anyBelow(known, level, has) && !anyBelow(seen.things, level, has) {
				seen.cover.cells[level][i] = false
				lost(column.name)
				if s.joint && s.names(column.name) { // nor of what it tells apart, which is kept then
					anyBelow(seen.things, level-1, func(o *object) bool { o.inner = nil; return false })
				}
			}
		}
		holds := func(o *object) bool { return len(o.inner) > 0 }
		if s.inner != nil && anyBelow(known, level, holds) && !anyBelow(seen.things, level, holds) {
			lost(s.nest)
		}
	}
	return err
}

// steady are columns that readings are watched, named and judged by, and that no thing loses while it is there.
var steady = map[string]bool{
	"device_communication_log_time": true, "device_measuring_cycle": true, "device_measuring_cycle_effective": true,
	"sensor_measuring_cycle": true, "sensor_measuring_cycle_effective": true,
	"channel_physical_unit": true, "channel_physical_property_name": true, "channel_physical_extension": true,
	"display_unit": true,
}

// anyBelow reports whether something is true of any object, so many levels below some.
func anyBelow(all []*object, below int, is func(*object) bool) bool {
	return slices.ContainsFunc(all, func(o *object) bool {
		if below == 0 {
			return is(o)
		}
		return anyBelow(o.inner, below-1, is)
	})
}

// there compares a thing that was seen.
func (c *comparison) there(doc *object) {
	id := doc.identity()
	change := Change{Kind: c.Kind, Key: c.keys[id], place: placeOf(c.Kind, doc, c.keys[id]), doc: doc, at: c.At}
	c.ids[id] = true
	t := c.known[change.place]
	if t != nil {
		t.here, change.last = true, t.sequence
	}
	if t != nil && !t.removed {
		change.before = t.doc
	} else if old, there := c.places[id]; there { // it has had another key or tenant
		change.before = c.known[old].doc
	}
	if change.before != nil && change.before.identity() == id {
		doc.keep(change.before, c.cover, 0)
		if c.Err != nil {
			doc.keepParts(change.before, c.partsSeen())
		}
	}
	if t != nil && !t.removed {
		if t.missed = 0; t.lost {
			change.before = nil // the first message of a thing
		} else if !doc.changed(t.doc) {
			t.doc.refresh(doc) // and let the rest of it go
			return
		}
	}
	c.changes = append(c.changes, change)
}

// partsSeen are the identities of what stands within the things that were seen, whatever thing it is in.
func (c *comparison) partsSeen() map[string]bool {
	if c.parts == nil {
		c.parts = map[string]bool{}
		for _, doc := range c.things {
			for _, part := range doc.inner {
				c.parts[part.identity()] = true
			}
		}
	}
	return c.parts
}

// gone finds what was not seen where it is known.
func (c *comparison) gone() {
	for place, t := range c.known {
		if t.removed || t.here {
			continue
		}
		if c.Err == nil {
			t.missed++
		}
		if t.missed < looksUntilGone && !c.ids[t.doc.identity()] && !c.emptied(t.doc) {
			continue
		}
		key := place[strings.IndexByte(place, '.')+1:]
		c.changes = append(c.changes, Change{Kind: c.Kind, Key: key, Removed: true, place: place, doc: t.doc, at: c.At, last: t.sequence})
	}
}

// emptied reports, of a thing that was not seen, whether all that stands within it was seen in others: they have taken its place.
func (c *comparison) emptied(doc *object) bool {
	if c.Err != nil || len(doc.inner) == 0 {
		return false
	}
	for _, part := range doc.inner {
		if !c.partsSeen()[part.identity()] {
			return false
		}
	}
	return true
}

// keys are those of the things of a look, by identity: the serial number, else the uuid, as a token; where two would share one,
// both joined; where that is still no key of its own, with a part of a digest of what tells the thing apart. A look that lacks rows
// counts what is known as well.
func (inv *Inventory) keys(seen Look) map[string]string {
	all := map[string]*object{}
	if seen.Err != nil {
		for _, t := range inv.kinds[seen.Kind] {
			if !t.removed {
				all[t.doc.identity()] = t.doc
			}
		}
	}
	for _, doc := range seen.things {
		all[doc.identity()] = doc
	}
	keys := map[string]string{}
	for id, doc := range all {
		keys[id] = plainKey(seen.Kind, doc)
	}
	lengthen(keys, func(id string) string { return schema.Token(all[id].get(all[id].shape.id[0])) })
	lengthen(keys, func(id string) string {
		sum := sha256.Sum256([]byte(id))
		return hex.EncodeToString(sum[:8])
	})
	return keys
}

// lengthen appends something to each of the keys that are not unique.
func lengthen(keys map[string]string, more func(id string) string) {
	users := map[string]int{}
	for _, key := range keys {
		users[key]++
	}
	for id, key := range keys {
		if users[key] > 1 {
			keys[id] = key + "_" + more(id)
		}
	}
}

func plainKey(kind Kind, doc *object) string {
	if serial := sources[kind].serial; serial != "" && strings.TrimSpace(doc.get(serial)) != "" {
		return schema.Token(doc.get(serial))
	}
	return schema.Token(doc.get(doc.shape.id[0]))
}
