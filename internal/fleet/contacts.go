package fleet

import (
	"slices"
	"time"

	"saveris-bridge/internal/schema"
)

// Contacts knows when devices were heard last, from look to look, and finds those that were cut off and are back. One goroutine at a
// time may use it.
//
// A device is cut off where a look is later than its last communication by more than After communication cycles. That two looks show
// communications far apart says nothing: a device is heard more often than it is looked at. The stream holds no times of contact, so
// what was cut off before a start is not known.
type Contacts struct {
	After int // communication cycles without a word; 0 = no device is ever cut off

	last map[string]contact // by identity of the device
}

// firstContact is before any: a time like 0001-01-01 says that there never was one, and so no outage.
var firstContact = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// contact is what the last look has shown of a device.
type contact struct {
	at  time.Time // of its last communication
	cut bool
}

// Back takes over a look at the status of devices, before Inventory.Compare uses it up, and returns the outages that it shows to have
// ended, from the last communication before to the newest one, the oldest first, those that overlap as one.
func (c *Contacts) Back(seen Look, known *Inventory) (ended []schema.Outage) {
	if c.After <= 0 || seen.Kind != schema.KindDeviceStatus {
		return nil
	}
	if c.last == nil {
		c.last = map[string]contact{}
	}
	cycles := known.communicationCycles()
	for _, doc := range seen.things {
		id := doc.identity()
		at, err := time.Parse(time.RFC3339, doc.get("last_communication_time"))
		patience := time.Duration(c.After) * cycles[id]
		if err != nil || patience <= 0 || at.Before(firstContact) {
			continue
		}
		if was := c.last[id]; was.cut && at.Sub(was.at) > patience {
			ended = append(ended, schema.Outage{Begun: was.at, Ended: at})
		}
		c.last[id] = contact{at, seen.At.Sub(at) > patience}
	}
	return joined(ended)
}

// communicationCycles are those of the devices that have one, by identity.
func (inv *Inventory) communicationCycles() map[string]time.Duration {
	inv.unpack(schema.KindDevice)
	cycles := map[string]time.Duration{}
	for _, device := range inv.kinds[schema.KindDevice] {
		if cycle := communicationCycle(device.doc); !device.removed && cycle > 0 {
			cycles[device.doc.identity()] = cycle
		}
	}
	return cycles
}

func communicationCycle(device *object) time.Duration {
	return firstSpan(device.get("device_communication_log_time"))
}

// joined returns outages in order, those that overlap as one.
func joined(outages []schema.Outage) (all []schema.Outage) {
	slices.SortFunc(outages, func(a, b schema.Outage) int { return a.Begun.Compare(b.Begun) })
	for _, o := range outages {
		if n := len(all); n > 0 && !o.Begun.After(all[n-1].Ended) {
			if o.Ended.After(all[n-1].Ended) {
				all[n-1].Ended = o.Ended
			}
			continue
		}
		all = append(all, o)
	}
	return all
}
