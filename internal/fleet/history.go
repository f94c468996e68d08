package fleet

import (
	"cmp"
	"slices"
	"time"

	"saveris-bridge/internal/schema"
)

// History is what was in force for each channel at any time of a span. It keeps the newest document of each thing, and what has
// changed of each channel. It serves one goroutine.
type History struct {
	from     time.Time
	until    time.Time
	over     bool // a change came that was not before until
	known    *Inventory
	maker    *maker
	latest   time.Time // of the changes
	channels map[channelKey]*PastChannel
	on       map[string][]*PastChannel      // by the place of a device: its channels
	users    map[string]map[string]struct{} // places of the devices that refer to a tenant, equipment or part, by its uuid
}

// channelKey tells channels apart: the serial number of the sensor, else its uuid, and the channel's number.
type channelKey struct{ sensor, no string }

// PastChannel is a channel, as it was named and placed when it was on last before the end of the span; of one that was not known by
// then, as it is now.
type PastChannel struct {
	Channel
	Quantity string // a token; empty where it is not known
	Unit     string // UCUM; empty where it is not known
	Periods  []Period

	key    channelKey
	places []string // of the devices that have it, which has got it last at the end
	at     *Place   // as it is known now
}

// Period is a time in which nothing has changed for a channel: until the next one, or until now.
type Period struct {
	From  time.Time     // when it was seen, by the vendor's clock
	Off   bool          // the device, or the sensor, is inactive or gone
	Cycle time.Duration // between two measurements; 0 = not known; while it is off, that of before
	Place *Place        // has the limits; while it is off, that of before
}

// NewHistory returns one that knows nothing. What was in force before the span, and behind it, is of no interest, but for what
// channels are called.
func NewHistory(from, until time.Time) *History {
	return &History{
		from: from, until: until, known: NewPlaces(), maker: newMaker(), channels: map[channelKey]*PastChannel{}, on: map[string][]*PastChannel{},
		users: map[string]map[string]struct{}{},
	}
}

// Take takes over a change that is stored: the data of the event, and its time. They have to come in the order in which they were
// stored; a time before that of the one before counts as the same. It fails where the data is none of schema.FleetChange, and
// changes nothing then.
func (h *History) Take(data []byte, at time.Time) error {
	if !h.over && !at.Before(h.until) {
		h.nameAgain()
		h.over = true
	}
	l, err := h.known.load(data, 0, at)
	if err != nil {
		return err
	}
	if at.After(h.latest) {
		h.latest = at
	}
	if l.kind == schema.KindDevice {
		h.device(l.place, l.now)
		return nil
	}
	if l.before != nil && l.kind == schema.KindEquipment {
		h.maker.drop(l.before.doc)
	}
	if !l.now.removed {
		h.maker.take(l.kind, l.now.doc)
	}
	touched := map[string]struct{}{}
	for _, doc := range l.docs() {
		h.usersOf(l.kind, doc, touched)
	}
	for place := range touched {
		h.device(place, h.known.kinds[schema.KindDevice][place])
	}
	return nil
}

// docs are the document of before, if there is one, and the new one.
func (l *loaded) docs() []*object {
	if l.before == nil {
		return []*object{l.now.doc}
	}
	return []*object{l.before.doc, l.now.doc}
}

// usersOf adds the places of the devices for which a thing matters. A location gives a name alone, see nameAgain.
func (h *History) usersOf(kind Kind, doc *object, to map[string]struct{}) {
	add := func(uuid string) {
		for place := range h.users[uuid] {
			to[place] = struct{}{}
		}
	}
	switch kind {
	case schema.KindTenant:
		add(doc.get("tenant_uuid"))
	case schema.KindEquipment:
		add(doc.get("equipment_uuid"))
		for _, part := range doc.inner {
			add(part.get("equipment_parts_uuid"))
		}
	}
}

func (h *History) use(uuid, place string) {
	if uuid == "" {
		return
	}
	if h.users[uuid] == nil {
		h.users[uuid] = map[string]struct{}{}
	}
	h.users[uuid][place] = struct{}{}
}

// device notes what is in force from now on for the channels of a device.
func (h *History) device(place string, t *thing) {
	before := h.on[place]
	delete(h.on, place)
	if !t.removed {
		h.use(t.doc.get("tenant_uuid"), place)
		h.use(t.doc.get("equipment_uuid"), place)
		for _, sensor := range t.doc.inner {
			for _, channel := range sensor.inner {
				h.use(channel.get("equipment_parts_uuid"), place)
				c := h.channelAt(channelKeyOf(sensor, channel))
				if !slices.Contains(c.places, place) {
					c.places = append(c.places, place)
				}
				h.on[place] = append(h.on[place], c)
			}
		}
	}
	for _, c := range h.on[place] {
		h.channel(c)
	}
	for _, c := range before {
		if i := slices.Index(c.places, place); i >= 0 && !slices.Contains(h.on[place], c) {
			c.places = slices.Delete(c.places, i, i+1)
			h.channel(c)
		}
	}
}

func channelKeyOf(sensor, channel *object) channelKey {
	return channelKey{cmp.Or(sensor.get("sensor_serial_no"), sensor.get("sensor_uuid")), channel.get("channel_no")}
}

func (h *History) channelAt(key channelKey) *PastChannel {
	c := h.channels[key]
	if c == nil {
		c = &PastChannel{key: key}
		h.channels[key] = c
	}
	return c
}

// channel notes what is in force from now on for a channel: that of the device which has got it last, of those in which it is active if
// there is one.
func (h *History) channel(c *PastChannel) {
	if h.over && (len(c.places) == 0 || len(c.Periods) > 0 && c.Periods[0].From.Before(h.until)) {
		return
	}
	found := false
	for _, place := range slices.Backward(c.places) {
		t := h.known.kinds[schema.KindDevice][place]
		for _, sensor := range t.doc.inner {
			for _, channel := range sensor.inner {
				if channelKeyOf(sensor, channel) != c.key || found && inactive(t.doc, sensor) {
					continue
				}
				h.name(c, t, sensor, channel)
				found = true
			}
		}
		if found && !c.Inactive {
			break
		}
	}
	if !found {
		c.begin(h.from, Period{From: h.latest, Off: true})
		return
	}
	c.begin(h.from, Period{From: h.latest, Off: c.Inactive, Cycle: c.Cycle, Place: c.at})
}

// name takes over what a channel of a device is called, and where it is.
func (h *History) name(c *PastChannel, t *thing, sensor, channel *object) {
	c.at = h.maker.place(t.doc, sensor, channel)
	c.Channel, c.Unit = channelOf(t, sensor, channel, c.at), c.at.unit
	name := channel.get("channel_physical_extension")
	if unknown(name) {
		name = channel.get("channel_physical_property_name")
	}
	if c.Quantity = ""; name != "" {
		c.Quantity = schema.QuantityToken(name)
	}
}

// begin adds a period, unless it says what the last one does. Those that have ended before a moment are dropped.
func (c *PastChannel) begin(from time.Time, p Period) {
	if n := len(c.Periods); n > 0 {
		last := c.Periods[n-1]
		if p.Off {
			p.Cycle, p.Place = last.Cycle, last.Place
		}
		if p.From.Equal(last.From) {
			n--
			c.Periods = c.Periods[:n]
		}
		if n > 0 && p.same(c.Periods[n-1]) {
			return
		}
	}
	if !p.From.After(from) {
		c.Periods = c.Periods[:0]
	}
	c.Periods = append(c.Periods, p)
}

func (p Period) same(q Period) bool {
	return p.Off == q.Off && p.Cycle == q.Cycle && p.Place.unit == q.Place.unit && p.Place.zone == q.Place.zone && slices.Equal(p.Place.limits, q.Place.limits)
}

// Channels returns the channels that have been known, in no order.
func (h *History) Channels() []*PastChannel {
	h.nameAgain()
	all := make([]*PastChannel, 0, len(h.channels))
	for _, c := range h.channels {
		all = append(all, c)
	}
	return all
}

// nameAgain takes over names of places that have changed since a device did.
func (h *History) nameAgain() {
	for _, place := range sortedKeys(h.on) {
		h.device(place, h.known.kinds[schema.KindDevice][place])
	}
}
