package audit

import (
	"cmp"
	"encoding/json"
	"math"
	"strings"

	"saveris-bridge/internal/schema"
)

// channel is one that is reported.
type channel struct {
	Channel
	index    uint32
	property string
	expected bool // it had a reading, so that more are due, unless the inventory says that it is off
	slots    slots
	cycle    int64 // the distance of readings that was most frequent last, milliseconds
	units    bool  // values in a unit that cannot be turned into Unit were left out

	starts     []int64 // of Periods, milliseconds since 1970
	now        int     // the period that was asked for last
	limitsText string  // the limits that were in force last
	limits     *limits

	// Sums over the range.
	sums                       sums
	due, stored, late, missing uint64
	warning, alarm             float64 // milliseconds
	known                      uint8
}

func (c *channel) add(r *row) {
	c.sums.merge(r.sums())
	c.due += uint64(r.Due)
	c.stored += uint64(r.Stored)
	c.late += uint64(r.Late)
	c.missing += uint64(r.Missing)
	c.warning += r.Warning
	c.alarm += r.Alarm
	c.known |= r.Known
}

// addKnown adds the channels of the inventory.
func (a *auditor) addKnown() {
	for _, known := range a.config.Inventory {
		c := a.newChannel(known)
		for _, p := range known.Periods {
			c.starts = append(c.starts, p.From.UnixMilli())
		}
		a.measures(c)
	}
}

// measures remembers which channel of a sensor measures a quantity; nil are several.
func (a *auditor) measures(c *channel) {
	key := Key{c.Serial, c.Quantity}
	if c.No == "" || c.Quantity == "" {
		return
	}
	if other, some := a.byQuantity[key]; some && other != c {
		a.byQuantity[key] = nil
		return
	}
	a.byQuantity[key] = c
}

func (a *auditor) newChannel(known Channel) *channel {
	c := &channel{Channel: known, index: uint32(len(a.channels))}
	a.channels = append(a.channels, c)
	a.byKey[known.Key] = c
	return c
}

// keyOf returns the key of a reading's channel. A sensor that has no serial number goes by its uuid.
func keyOf(r *schema.StoredReading) Key { return Key{cmp.Or(r.Serial, r.Sensor), r.Channel} }

// channelOf returns the channel of a reading. One without a channel's number, as measurements v1 are, is of the only channel of its sensor
// that measures its quantity.
func (a *auditor) channelOf(r *schema.StoredReading) *channel {
	key := keyOf(r)
	c := a.byKey[key]
	if key.No == "" {
		c = cmp.Or(a.byQuantity[Key{key.Serial, r.Quantity}], c)
	}
	if c == nil && r.Serial != "" && r.Sensor != "" { // the inventory may lack its serial number
		if c = a.byKey[Key{r.Sensor, r.Channel}]; c != nil {
			c.Serial = strings.Clone(r.Serial)
			a.byKey[c.Key] = c
		}
	}
	if c == nil {
		key.Serial, key.No = strings.Clone(key.Serial), strings.Clone(key.No)
		c = a.newChannel(Channel{Key: key})
	}
	if c.Tenant != r.Tenant || c.Site != r.Site || c.Quantity != r.Quantity || c.property != r.Property { // a reading says it best
		c.Tenant, c.Site = cmp.Or(r.Tenant, c.Tenant), cmp.Or(r.Site, c.Site)
		c.Quantity, c.property = cmp.Or(r.Quantity, c.Quantity), cmp.Or(r.Property, c.property)
		a.measures(c)
	}
	c.Unit = cmp.Or(c.Unit, r.Unit)
	return c
}

// temperature reports whether the channel measures one.
func (c *channel) temperature() bool {
	return (c.Unit == "Cel" || c.Unit == "[degF]") && (c.property == "" || strings.EqualFold(c.property, "temperature"))
}

func (c *channel) kelvin(value float64) float64 { return kelvin(value, c.Unit) }

// inUnit turns a value into the unit of the channel; NaN where that cannot be done.
func (c *channel) inUnit(value float64, unit string) float64 {
	if unit == c.Unit || unit == "" || isPressure(unit) && isPressure(c.Unit) {
		return value
	}
	if t := fromKelvin(kelvin(value, unit), c.Unit); c.temperature() && !math.IsNaN(t) {
		return t
	}
	c.units = true
	return math.NaN()
}

// isPressure reports whether a unit is one of two names of the same.
func isPressure(unit string) bool { return unit == "hPa" || unit == "mbar" }

// number is a channel number as JSON; null where there is none.
func (k Key) number() json.RawMessage {
	if k.No == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(k.No)
}
