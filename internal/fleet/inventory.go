package fleet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/schema"
)

// looksUntilGone is in how many looks in a row a thing has to be missing until it counts as removed.
const looksUntilGone = 2

// Inventory is the fleet as it is known: the newest message of each subject of the stream, and the last look. One goroutine at
// a time may use it; what Directory returns serves any number.
type Inventory struct {
	kinds map[Kind]map[string]*thing // by tenant and key as tokens, joined by a dot
	pools pools
}

// thing is one that the stream has, or has had.
type thing struct {
	doc      *object // the newest; as it is stored, but for what is no change
	sequence uint64  // of its newest message
	removed  bool    // by that message
	missed   int     // looks in a row without it
}

// NewInventory returns one that knows nothing.
func NewInventory() *Inventory {
	inv := &Inventory{kinds: map[Kind]map[string]*thing{}, pools: pools{}}
	for _, kind := range schema.FleetKinds {
		inv.kinds[kind] = map[string]*thing{}
	}
	return inv
}

// Load takes over what the stream has: the data of the newest event on a subject, and its sequence. It fails where the data is
// none of schema.FleetChange, and changes nothing then.
func (inv *Inventory) Load(data []byte, sequence uint64) error {
	var d struct {
		Kind     Kind            `json:"kind"`
		Key      string          `json:"key"`
		Document json.RawMessage `json:"document"`
		Removed  bool            `json:"removed"`
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return fmt.Errorf("load a change of the fleet: %w", err)
	}
	shape, known := shapes[d.Kind]
	if !known || d.Key == "" {
		return fmt.Errorf("load a change of the fleet: no kind %q with the key %q", d.Kind, d.Key)
	}
	doc, err := inv.pools.parseObject(shape, d.Document)
	if err != nil {
		return fmt.Errorf("load %s %s: %w", d.Kind, d.Key, err)
	}
	inv.kinds[d.Kind][placeOf(d.Kind, doc, d.Key)] = &thing{doc: doc, sequence: sequence, removed: d.Removed}
	return nil
}

// placeOf is the end of a thing's subject.
func placeOf(kind Kind, doc *object, key string) string {
	return schema.Token(doc.get(sources[kind].tenant)) + "." + key
}

// Change is a change of one thing, to be stored.
type Change struct {
	Kind    Kind
	Key     string
	Removed bool

	place  string
	doc    *object
	before *object // what it is compared with; nil where the thing is new
	last   uint64
	at     time.Time
}

// Event returns what is stored of the change.
func (c *Change) Event() schema.FleetChange {
	e := schema.FleetChange{
		Kind: c.Kind, Tenant: c.doc.get(sources[c.Kind].tenant), Key: c.Key, Document: c.doc.appendJSON(nil, false),
		Hash: c.doc.hash(), Removed: c.Removed, Before: c.last, LookedAt: c.at,
	}
	if c.before != nil && !c.Removed {
		e.Changed = c.doc.diff(c.before, "", nil)
	}
	return e
}

// Compare returns how a look differs from what is known, removals first, then by tenant and key. The same look on the same
// knowledge gives the same changes. No change is: processed_at, status_time, last_communication_time, next_communication_time,
// last_measurement_time, last_modified_at, version_timestamp, and whatever ends with _last_modified. A thing is removed once two
// looks in a row were without it, or at once where it is seen under another key or tenant. A look that has failed, or lacks rows,
// says of no thing that it is gone. Compare counts the looks, takes over what is no change, and uses the look up; a change is known
// only once it is Stored, and comes again until then.
func (inv *Inventory) Compare(seen Look) (changes []Change) {
	if seen.cover == nil { // nothing could be read
		return nil
	}
	known := inv.kinds[seen.Kind]
	places := map[string]string{} // of what is known, by identity
	for _, place := range sortedKeys(known) {
		if t := known[place]; !t.removed {
			places[t.doc.identity()] = place
		}
	}
	keys := inv.keys(seen)
	here, moved := map[string]bool{}, map[string]bool{}
	for _, doc := range seen.things {
		id := doc.identity()
		key := keys[id]
		place := placeOf(seen.Kind, doc, key)
		here[place], moved[id] = true, true
		c := Change{Kind: seen.Kind, Key: key, place: place, doc: doc, at: seen.At}
		if t := known[place]; t != nil {
			c.last = t.sequence
			if !t.removed {
				c.before = t.doc
			}
		}
		if old, there := places[id]; there && c.before == nil { // it has another key or tenant now
			c.before = known[old].doc
		}
		if c.before != nil && c.before.identity() == id {
			doc.keep(c.before, seen.cover, 0)
		}
		if t := known[place]; t != nil && !t.removed {
			if t.missed = 0; !doc.changed(t.doc) {
				t.doc.refresh(doc) // and let the rest of it go
				continue
			}
		}
		changes = append(changes, c)
	}
	for _, place := range sortedKeys(known) {
		t := known[place]
		if t.removed || here[place] {
			continue
		}
		if seen.Err == nil {
			t.missed++
		}
		if t.missed >= looksUntilGone || moved[t.doc.identity()] {
			changes = append(changes, Change{Kind: seen.Kind, Key: place[strings.IndexByte(place, '.')+1:], Removed: true, place: place, doc: t.doc, at: seen.At, last: t.sequence})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int {
		if a.Removed != b.Removed {
			if a.Removed {
				return -1
			}
			return 1
		}
		return strings.Compare(a.place, b.place)
	})
	return changes
}

// keys are those of the things of a look, by identity: the serial number, else the uuid, as a token; where two would share one,
// both joined. A look that lacks rows counts what is known as well.
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
	users := map[string]int{}
	for _, doc := range all {
		users[plainKey(seen.Kind, doc)]++
	}
	keys := map[string]string{}
	for id, doc := range all {
		if keys[id] = plainKey(seen.Kind, doc); users[keys[id]] > 1 {
			keys[id] = keys[id] + "_" + schema.Token(doc.get(doc.shape.id[0]))
		}
	}
	return keys
}

func plainKey(kind Kind, doc *object) string {
	if serial := sources[kind].serial; serial != "" && strings.TrimSpace(doc.get(serial)) != "" {
		return schema.Token(doc.get(serial))
	}
	return schema.Token(doc.get(doc.shape.id[0]))
}

// Stored notes that a change has been stored, with the sequence of its message.
func (inv *Inventory) Stored(c Change, sequence uint64) {
	inv.kinds[c.Kind][c.place] = &thing{doc: c.doc, sequence: sequence, removed: c.Removed}
}

// Len returns how many things of a kind are known and not removed.
func (inv *Inventory) Len(kind Kind) (n int) {
	for _, t := range inv.kinds[kind] {
		if !t.removed {
			n++
		}
	}
	return n
}
