package fleet

import (
	"iter"
	"strconv"
	"time"

	"saveris-bridge/internal/schema"
)

// Channel is a channel of a sensor: who it is, and how often readings of it are due.
type Channel struct {
	Sensor, No           string // uuid in lower case, and number
	Tenant, Site, Serial string
	Model                string // of the sensor
	Names                string // JSON, see Place

	Cycle         time.Duration // between two measurements; 0 = not known
	Communication time.Duration // between two transmissions; 0 = not known
	Known         time.Time     // since when the inventory knows the channel, by the vendor's clock; zero where nobody has said
	Inactive      bool          // the device, or the sensor, is switched off
}

// Channels returns the channels of all devices that are not removed, in the order of their devices. Nobody may change them.
func (d *Directory) Channels() []Channel { return d.channels }

// channelID is what tells a channel from others: the uuid of its sensor, and its number.
type channelID struct{ sensor, no string }

// channels are those of a device.
func (o *object) channels() iter.Seq[channelID] {
	return func(yield func(channelID) bool) {
		for _, sensor := range o.inner {
			for _, channel := range sensor.inner {
				if !yield(idOf(sensor, channel)) {
					return
				}
			}
		}
	}
}

func idOf(sensor, channel *object) channelID {
	return channelID{sensor.get("sensor_uuid"), channel.get("channel_no")}
}

// channelOf is a channel as Channels has it. The cycle in force counts, the sensor's before that of its device.
func channelOf(device *thing, sensor, channel *object, place *Place) Channel {
	known, later := device.came[idOf(sensor, channel)]
	if !later {
		known = device.since
	}
	return Channel{
		Sensor: sensor.get("sensor_uuid"), No: channel.get("channel_no"), Tenant: device.doc.get("tenant_uuid"), Site: device.doc.get("customer_site"),
		Serial: sensor.get("sensor_serial_no"), Model: sensor.get("sensor_model_code"), Names: place.Names(),
		Cycle: firstSpan(sensor.get("sensor_measuring_cycle_effective"), sensor.get("sensor_measuring_cycle"),
			device.doc.get("device_measuring_cycle_effective"), device.doc.get("device_measuring_cycle"), plain(channel.otherValue("channel_measurement_log_time"))),
		Communication: communicationCycle(device.doc),
		Known:         known,
		Inactive:      inactive(device.doc, sensor),
	}
}

// inactive reports whether a sensor of a device is switched off.
func inactive(device, sensor *object) bool {
	return device.get("device_is_active") == "false" || plain(sensor.otherValue("sensor_is_active")) == "false"
}

// firstSpan returns the first of some spans in milliseconds that is one, 0 where none is: nothing measures or sends more often than once
// a second, and a number that says so is none of milliseconds.
func firstSpan(texts ...string) time.Duration {
	for _, text := range texts {
		if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms >= 1000 && ms < 1e12 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// devices are those that are not removed, in the order of their places.
func (inv *Inventory) devices() (all []*thing) {
	inv.unpack(schema.KindDevice)
	for _, place := range sortedKeys(inv.kinds[schema.KindDevice]) {
		if t := inv.kinds[schema.KindDevice][place]; !t.removed {
			all = append(all, t)
		}
	}
	return all
}
