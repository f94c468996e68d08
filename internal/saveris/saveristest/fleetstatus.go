package saveristest

import (
	"math"
	"time"
)

// statuses are the state of the device in l, which has to be listed, and of its sensor.
func (sc *scene) statuses(l *logger, asOf int64) (DeviceStatus, SensorStatus) {
	w := &sc.world
	d := w.device(l, asOf)
	at := max(sc.contact(l, asOf), d.since)
	level, days := w.battery(l, d.since, at)
	cycle, next := int64(w.Cycle)/second, at+int64(max(w.CommCycle, w.Cycle))/second
	site, processed := sc.site(l, at), wholeSeconds(at+sc.statusDelay(l))
	device := DeviceStatus{
		DeviceUUID: d.deviceUUID, TenantUUID: l.tenant, CustomerSite: site, SerialNo: d.deviceSerial, ModelCode: deviceModel,
		FirmwareVersion: firmware(d, "1.2.4", "1.3.0"), ConnectionType: "WIFI", RadioLevel: 60 + int(d.key%40), BatteryLevel: level,
		BatteryTemperature: math.Round(l.roomTemperature()*2) / 2, IsPowerSupplyOn: !w.withoutPower(l, at),
		LastCommunication: wholeSeconds(at), NextCommunication: wholeSeconds(next), ProcessedAt: processed,
		LastMeasurement: wholeSeconds(l.offset + floorDiv(at-l.offset, cycle)*cycle),
	}
	return device, SensorStatus{
		SensorUUID: d.sensorUUID, TenantUUID: l.tenant, CustomerSite: site, SerialNo: d.serial, ModelCode: l.sort.model,
		FirmwareVersion: firmware(d, "1.3.2", "1.4.0"), RadioLevel: 55 + int(d.key>>8%40), BatteryLevel: min(100, level+4),
		BatteryTemperature: device.BatteryTemperature, BatteryVoltage: 2400 + 12*level, RemainingDays: days,
		LastCommunication: device.LastCommunication, NextCommunication: device.NextCommunication, ProcessedAt: processed,
	}
}

// roomTemperature is what a battery in l has.
func (l *logger) roomTemperature() float64 {
	if len(l.channels) == 0 {
		return 20
	}
	return l.channels[0].base
}

func (w *World) withoutPower(l *logger, at int64) bool {
	every := powerLost.lengthOf(w)
	if every == 0 {
		return false
	}
	_, begin, end := powerLost.of(l, every, floorDiv(at, every))
	return begin <= at && at < end
}

// statusDelay is how long the cloud takes to show a status of l, in seconds.
func (sc *scene) statusDelay(l *logger) int64 {
	if sc.sw.RowsLate == "off" {
		return 0
	}
	return int64(mix(l.key^0xde1a) % uint64(sc.world.Delay/time.Second+1))
}

// contact is the last time that l called, of which the status can be seen at asOf: not while it was cut off, and then
// when it no longer was.
func (sc *scene) contact(l *logger, asOf int64) int64 {
	w := &sc.world
	last := asOf - sc.statusDelay(l)
	if c, retired := w.retired(l, asOf); retired {
		last = min(last, c.at-1)
	}
	comm := int64(max(w.CommCycle, w.Cycle)) / second
	at := l.offset + floorDiv(last-l.offset, comm)*comm
	for sc.sw.RowsLate == "on" {
		begin, end := w.outage(l, at)
		switch {
		case at < begin || at >= end:
			return at
		case end <= last:
			return end
		}
		at = l.offset + floorDiv(begin-1-l.offset, comm)*comm
	}
	return at
}
