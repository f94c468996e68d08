package fleet

import (
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
	kinds  map[Kind]map[string]*thing // by tenant and key as tokens, joined by a dot
	shapes map[Kind]*shape            // of what is kept
	packed map[Kind]*packed           // where things of a kind have no documents, see Pack
	pools  pools
}

// thing is one that the stream has, or has had.
type thing struct {
	doc      *object                 // the newest; as it is stored, but for what is no change
	sequence uint64                  // of its newest message
	since    time.Time               // when the oldest look was that it is known by; zero where nobody has said
	has      []channelID             // channels of a device of which somebody has said since when
	came     map[channelID]time.Time // since when it has those that it has not had from the beginning
	removed  bool                    // by that message
	lost     bool                    // the stream does not hold that message any more
	missed   int                     // looks in a row without it
	here     bool                    // in the look that is compared
}

// NewInventory returns one that knows nothing.
func NewInventory() *Inventory {
	inv := &Inventory{kinds: map[Kind]map[string]*thing{}, shapes: shapes, packed: map[Kind]*packed{}, pools: pools{}}
	for _, kind := range schema.FleetKinds {
		inv.kinds[kind] = map[string]*thing{}
	}
	return inv
}

// Load takes over what the stream has: the data of the newest event on a subject, and its sequence. It fails where the data is
// none of schema.FleetChange, and changes nothing then.
func (inv *Inventory) Load(data []byte, sequence uint64) error {
	return inv.LoadAt(data, sequence, time.Time{})
}

// LoadAt is Load for who wants to know since when there has been a thing: at is the event's time.
func (inv *Inventory) LoadAt(data []byte, sequence uint64, at time.Time) error {
	_, err := inv.load(data, sequence, at)
	return err
}

// loaded is a change that was taken over.
type loaded struct {
	kind        Kind
	place       string
	before, now *thing // nil = there was none
}

func (inv *Inventory) load(data []byte, sequence uint64, at time.Time) (l loaded, err error) {
	d, err := readStored(data)
	if err != nil {
		return l, fmt.Errorf("load a change of the fleet: %w", err)
	}
	shape, known := inv.shapes[d.kind]
	if !known || d.key == "" {
		return l, fmt.Errorf("load a change of the fleet: no kind %q with the key %q", d.kind, d.key)
	}
	doc, err := inv.pools.parseObject(shape, d.document)
	if err != nil {
		return l, fmt.Errorf("load %s %s: %w", d.kind, d.key, err)
	}
	l = loaded{kind: d.kind, place: placeOf(d.kind, doc, d.key)}
	l.before = inv.kinds[l.kind][l.place]
	l.now = &thing{doc: doc, sequence: sequence, removed: d.removed, since: at}
	if l.kind == schema.KindDevice && !at.IsZero() {
		l.now.has = slices.Collect(doc.channels())
	}
	inv.kinds[l.kind][l.place] = l.now
	inv.packLoaded(l.kind, l.now)
	if was := l.before; was != nil && !was.removed && !was.since.IsZero() && was.since.Before(at) {
		l.now.since = was.since
		l.now.channelsSince(was, at)
	}
	return l, nil
}

// channelsSince notes since when a device has the channels that it has not had from the beginning.
func (t *thing) channelsSince(before *thing, at time.Time) {
	for _, id := range t.has {
		since, later := before.came[id]
		had := slices.Contains(before.has, id)
		if had && !later {
			continue
		}
		if !had {
			since = at
		}
		if t.came == nil {
			t.came = map[channelID]time.Time{}
		}
		t.came[id] = since
	}
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
		Kind: c.Kind, Tenant: c.doc.get(sources[c.Kind].tenant), Key: c.Key, Document: c.doc.appendJSON(make([]byte, 0, usual), false),
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
// looks in a row were without it, or at once where it is seen under another key or tenant, or all that stands within it in others.
// A look that has failed, or lacks rows, says of no thing, and of nothing within one, that it is gone; one without the tenant or the
// serial number of a thing that it has seen does not move it. Compare counts the looks, takes
// over what is no change, and uses the look up; a change is known only once it is Stored, and comes again until then.
func (inv *Inventory) Compare(seen Look) []Change {
	if seen.cover == nil { // nothing could be read
		return nil
	}
	inv.unpack(seen.Kind)
	c := comparison{Look: seen, known: inv.kinds[seen.Kind], places: map[string]string{}, ids: map[string]bool{}}
	for place, t := range c.known {
		if t.here = false; !t.removed {
			id := t.doc.identity()
			c.places[id] = max(c.places[id], place) // two, where a move was stored by half
		}
	}
	c.keepPlaces()
	c.keys = inv.keys(seen)
	for _, doc := range seen.things {
		c.there(doc)
	}
	c.gone()
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		switch {
		case a.Removed == b.Removed:
			return strings.Compare(a.place, b.place)
		case a.Removed:
			return -1
		}
		return 1
	})
	return c.changes
}

// Stored notes that a change has been stored, with the sequence of its message.
func (inv *Inventory) Stored(c Change, sequence uint64) {
	inv.unpack(c.Kind)
	inv.kinds[c.Kind][c.place] = &thing{doc: c.doc, sequence: sequence, removed: c.Removed}
}

// Lost notes that the stream holds nothing any more that stands before a sequence, and returns of how many things that is the newest
// message: Compare has them stored again, as new, unless they are gone.
func (inv *Inventory) Lost(before uint64) (n int) {
	for _, things := range inv.kinds {
		for _, t := range things {
			if t.sequence > 0 && t.sequence < before {
				if t.sequence, t.lost = 0, true; !t.removed {
					n++
				}
			}
		}
	}
	return n
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
