package saveristest

import (
	"fmt"
	"time"
)

// The feeds of the fleet, as the vendor's paths name them.
const (
	FeedProperties       = "devices/properties"
	FeedDeviceStatus     = "devices/status"
	FeedSensorStatus     = "sensors/status"
	FeedEquipments       = "equipments"
	FeedTenants          = "tenants"
	FeedLocations        = "locations"
	FeedMeasuringObjects = "measuring-objects"
)

// Fleet is what exists at a moment, in the order in which the world was made. Times are UTC; empty text and a zero time are
// nulls. Customer sites follow the switch site.value, units unit.text.
type Fleet struct {
	Tenants          []Tenant
	Locations        []Location
	Equipments       []Equipment
	Devices          []Device
	DeviceStatuses   []DeviceStatus
	SensorStatuses   []SensorStatus
	MeasuringObjects []MeasuringObject
}

// Tenant is one account (document 8.8). The first one is the parent of the others and has no devices.
type Tenant struct {
	TenantUUID, ParentUUID                              string
	IsOperator                                          bool
	OrganisationName, OrganisationID, OrganisationEmail string
	Country, MainTimezone, MainLanguage                 string
	RegisterTime                                        time.Time
}

// Location is a customer or one of its sites (document 8.9); the uuid of a site is what rows have as customer_site.
type Location struct {
	TenantUUID, LocationUUID, ParentUUID                    string
	Name, LocationType, ParentLocationType, LocationSubtype string
	ValidFrom, LastModifiedAt                               time.Time
}

// Equipment is what a logger watches: a fridge, a room (document 8.7).
type Equipment struct {
	TenantUUID, EquipmentUUID, EquipmentTitle string
	EquipmentTypeUUID, EquipmentTypeTitle     string
	AreaUUID, AreaTitle                       string
	ProcessedAt, LastModifiedAt               time.Time
	IsActive                                  bool
	Parts                                     []EquipmentPart
}

// EquipmentPart is what one channel measures, or several of different quantities.
type EquipmentPart struct {
	EquipmentPartsUUID, EquipmentPartsTitle string
	PurposeUUID, PurposeTitle               string
	Limits                                  []Limits
}

// Limits are one configuration of alarms, which the alarms of the world keep to. Times are milliseconds, those of the
// validity since midnight. A door has no limits (Bounded is false) and no unit.
type Limits struct {
	LimitValuesUUID              string
	DoorContactDelay, AlarmDelay int64
	DisplayUnit                  string
	Bounded                      bool
	LowerViolation, LowerWarning float64
	UpperViolation, UpperWarning float64
	MeasuringRate                int64
	ValidFrom, ValidUntil        int64
}

// Device is a logger with its sensor (document 8.4). Cycles are milliseconds.
type Device struct {
	TenantUUID, CustomerSite, DeviceUUID                string
	Category, SerialNo, ModelCode, FirmwareVersion      string
	BatteryTypes                                        []string
	DisplayName                                         string
	IsActive                                            bool
	CommunicationCycle, MeasuringCycle                  int64
	IsEthernetProbe, IsPowerSuppliable, IsWirelessProbe bool
	CreatedAt, LastModified                             time.Time
	EquipmentUUID                                       string
	Sensors                                             []Sensor
}

// Sensor is a sensor of a device.
type Sensor struct {
	SensorUUID, SerialNo, ModelCode, FirmwareVersion, DisplayName string
	IsWired, IsRadio, IsConnected                                 bool
	LastModified                                                  time.Time
	EquipmentPartsUUID                                            string // of the first channel
	Channels                                                      []Channel
}

// Channel is a channel of a sensor. A channel that nobody watches has no part and no limits.
type Channel struct {
	ChannelID                           int64
	ChannelNo                           int
	Unit, PropertyName, Extension       string
	UnitExponent                        int
	IsExternal, IsCalibrationPossible   bool
	EquipmentPartsUUID, LimitValuesUUID string
	LastModified                        time.Time
}

// DeviceStatus is the state of a device as it told of it when it last called (documents 8.5 and 9).
type DeviceStatus struct {
	DeviceUUID, TenantUUID, CustomerSite, SerialNo, ModelCode, FirmwareVersion string
	ConnectionType                                                             string // WIFI, ETHERNET, without the older versions' CT_
	RadioLevel, BatteryLevel                                                   int    // percent
	BatteryTemperature                                                         float64
	IsPowerSupplyOn                                                            bool
	LastCommunication, NextCommunication, LastMeasurement, ProcessedAt         time.Time
}

// SensorStatus is the state of a sensor, likewise (documents 8.6 and 9).
type SensorStatus struct {
	SensorUUID, TenantUUID, CustomerSite, SerialNo, ModelCode, FirmwareVersion string
	RadioLevel, BatteryLevel                                                   int
	BatteryTemperature                                                         float64
	BatteryVoltage                                                             int   // mV
	RemainingDays                                                              int64 // of operation, as predicted
	LastCommunication, NextCommunication, ProcessedAt                          time.Time
}

// MeasuringObject is the older view of a channel with limits (document 8.10).
type MeasuringObject struct {
	CustomerUUID, MeasuringObjectUUID, CustomerSite string // the site as text, whatever site.value says
	PropertyName, Unit                              string
	Limits                                          Limits
	ChannelID                                       int64
	EquipmentPartsUUID                              string
	VersionTimestamp, ValidFrom                     time.Time
}

// Fleet is the truth of what a query at asOf finds. Safe for concurrent use.
func (s *Server) Fleet(asOf time.Time) Fleet {
	sc, at := s.scene(), asOf.Unix()
	f := Fleet{Tenants: sc.tenants(), Locations: sc.locations()}
	for _, l := range sc.loggers {
		f.Equipments = append(f.Equipments, sc.equipment(l, at))
		f.MeasuringObjects = append(f.MeasuringObjects, sc.measuringObjects(l, at)...)
		if sc.world.listed(l, at) {
			f.Devices = append(f.Devices, sc.deviceOf(l, at))
			device, sensor := sc.statuses(l, at)
			f.DeviceStatuses, f.SensorStatuses = append(f.DeviceStatuses, device), append(f.SensorStatuses, sensor)
		}
	}
	return f
}

// listed reports whether there is a device in l at all, though it may be retired.
func (w *World) listed(l *logger, at int64) bool {
	c, retired := w.retired(l, at)
	return !retired || at < c.gone
}

var (
	towns = []string{"Musterstadt", "Neustadt", "Altdorf", "Seeheim", "Bergen", "Talhausen", "Waldkirch", "Burgstein"}
	spots = []string{"Market Square", "Harbour", "Station", "Old Town", "University", "Airport", "Park", "Mill Street"}
)

// nth is the n-th name of a list that begins anew with a number behind its names.
func nth(list []string, n int) string {
	if n < len(list) {
		return list[n]
	}
	return fmt.Sprintf("%s %d", list[n%len(list)], n/len(list)+1)
}

func (w *World) tenantKey(no int) uint64 { return hash(w.Seed^0x7e4a7, int64(no)) }

func (sc *scene) tenants() (list []Tenant) {
	w := &sc.world
	if w.Empty {
		return nil
	}
	tenant := func(no int, name, id, mail string) Tenant {
		return Tenant{
			TenantUUID: uuidOf(w.tenantKey(no)), OrganisationName: name, OrganisationID: id, OrganisationEmail: "info@" + mail + ".example.com",
			Country: "DE", MainTimezone: "Europe/Berlin", MainLanguage: "de_DE", RegisterTime: w.Start,
		}
	}
	list = append(list, tenant(-1, "Musterkette", "K-0001", "musterkette"))
	for no := range w.Tenants {
		t := tenant(no, "Restaurant "+nth(towns, no), fmt.Sprintf("T-%04d", no+1), fmt.Sprintf("restaurant-%d", no+1))
		t.ParentUUID, t.IsOperator = list[0].TenantUUID, true
		list = append(list, t)
	}
	return list
}

func (sc *scene) locations() (list []Location) {
	w := &sc.world
	if w.Empty {
		return nil
	}
	for no := range w.Tenants {
		key := w.tenantKey(no)
		customer := Location{
			TenantUUID: uuidOf(key), LocationUUID: uuidOf(key ^ 0x10c), Name: "Restaurant " + nth(towns, no),
			LocationType: "customer", ValidFrom: w.Start, LastModifiedAt: w.Start,
		}
		list = append(list, customer)
		for site := range w.Sites {
			list = append(list, Location{
				TenantUUID: customer.TenantUUID, LocationUUID: uuidOf(hash(key, int64(site)+1)), ParentUUID: customer.LocationUUID,
				Name: nth(spots, site), LocationType: "measurement site", ParentLocationType: "customer", LocationSubtype: "ventilation",
				ValidFrom: w.Start, LastModifiedAt: w.Start,
			})
		}
	}
	return list
}

// equipmentUUID stays when the device is replaced.
func (l *logger) equipmentUUID() string { return uuidOf(l.key ^ 0xe9) }

func (sc *scene) equipment(l *logger, at int64) Equipment {
	w := &sc.world
	site, moved := w.siteAt(l, at)
	c, retired := w.retired(l, at)
	modified := max(w.Start.Unix(), moved, w.device(l, at).since)
	if retired {
		modified = c.at
	}
	e := Equipment{
		TenantUUID: l.tenant, EquipmentUUID: l.equipmentUUID(), EquipmentTitle: l.name,
		EquipmentTypeUUID: uuidOf(spreadOf("type " + l.sort.kind)), EquipmentTypeTitle: l.sort.kind,
		AreaUUID: uuidOf(hash(l.tenantKey, int64(site)+1) ^ spreadOf(l.sort.area)), AreaTitle: l.sort.area,
		ProcessedAt: wholeSeconds(modified + 42), LastModifiedAt: wholeSeconds(modified), IsActive: !retired,
	}
	for i := range l.channels {
		ch := &l.channels[i]
		switch part := ch.part(); {
		case part == "":
		case len(e.Parts) > 0 && e.Parts[len(e.Parts)-1].EquipmentPartsUUID == part: // the room's
			e.Parts[len(e.Parts)-1].Limits = append(e.Parts[len(e.Parts)-1].Limits, sc.limits(ch))
		default:
			title, purpose := ch.partTitle()
			e.Parts = append(e.Parts, EquipmentPart{part, title, uuidOf(spreadOf(purpose)), purpose, []Limits{sc.limits(ch)}})
		}
	}
	return e
}

// part is the equipment part that c is in; empty where nobody watches it. Temperature and humidity of a room are one part.
func (c *channel) part() string {
	no := c.no
	switch {
	case c.band == 0:
		return ""
	case c.unit == "%rF" || c.unit == "%":
		no = 1
	}
	return uuidOf(hash(c.logger.key^0x9a47, int64(no)))
}

func (c *channel) partTitle() (title, purpose string) {
	switch {
	case c.door:
		return "Door", "Door monitoring"
	case c.no == 1:
		return c.logger.sort.part, "Air temperature monitoring"
	}
	return fmt.Sprintf("Product probe %d", c.no), "Product temperature monitoring"
}

func (c *channel) limitsUUID() string {
	if c.band == 0 {
		return ""
	}
	return uuidOf(c.key ^ 0x11717)
}

func (sc *scene) limits(c *channel) Limits {
	limits := Limits{LimitValuesUUID: c.limitsUUID(), DoorContactDelay: 30_000, MeasuringRate: sc.world.Cycle.Milliseconds(), ValidUntil: 86_400_000}
	if c.door {
		return limits
	}
	limits.Bounded = true
	limits.LowerViolation, limits.LowerWarning = c.warnLow-c.band, c.warnLow
	limits.UpperWarning, limits.UpperViolation = c.warnHigh, c.warnHigh+c.band
	limits.DisplayUnit = "relative humidity"
	if c.unit == "°C" {
		limits.DisplayUnit = "celsius"
	}
	return limits
}

func (sc *scene) measuringObjects(l *logger, at int64) (list []MeasuringObject) {
	w := &sc.world
	no, moved := w.siteAt(l, at)
	_, site := l.siteOf(no)
	device := w.device(l, at)
	for i := range l.channels {
		c := &l.channels[i]
		if c.band == 0 || c.door {
			continue
		}
		list = append(list, MeasuringObject{
			CustomerUUID: l.tenant, MeasuringObjectUUID: uuidOf(c.key ^ 0x0b1ec7), CustomerSite: site, PropertyName: c.property, Unit: c.unit,
			Limits: sc.limits(c), ChannelID: c.id + device.shift, EquipmentPartsUUID: c.part(),
			VersionTimestamp: wholeSeconds(max(w.Start.Unix(), moved, device.since)), ValidFrom: w.Start,
		})
	}
	return list
}

// deviceOf is the device in l, which has to be listed.
func (sc *scene) deviceOf(l *logger, at int64) Device {
	w := &sc.world
	d := w.device(l, at)
	name, renamed := w.nameAt(l, at)
	_, moved := w.siteAt(l, at)
	c, retired := w.retired(l, at)
	created := max(w.Start.Unix(), d.since)
	modified := max(created, renamed, moved)
	if retired {
		modified = c.at
	}
	device := Device{
		TenantUUID: l.tenant, CustomerSite: sc.site(l, at), DeviceUUID: d.deviceUUID, Category: "LOGGER", SerialNo: d.deviceSerial,
		ModelCode: deviceModel, FirmwareVersion: firmware(d, "1.2.4", "1.3.0"), BatteryTypes: []string{"AA_LITHIUM", "AA_ALKALINE"},
		DisplayName: name + " - Logger", IsActive: !retired, CommunicationCycle: max(w.CommCycle, w.Cycle).Milliseconds(),
		MeasuringCycle: w.Cycle.Milliseconds(), IsPowerSuppliable: true, IsWirelessProbe: true,
		CreatedAt: wholeSeconds(created), LastModified: wholeSeconds(modified), EquipmentUUID: l.equipmentUUID(),
	}
	sensor := Sensor{
		SensorUUID: d.sensorUUID, SerialNo: d.serial, ModelCode: l.sort.model, FirmwareVersion: firmware(d, "1.3.2", "1.4.0"),
		DisplayName: name + " - Air Sensor", IsRadio: true, IsConnected: !retired, LastModified: device.LastModified,
		Channels: make([]Channel, 0, len(l.channels)),
	}
	for i := range l.channels {
		sensor.Channels = append(sensor.Channels, sc.channelOf(&l.channels[i], d.shift, wholeSeconds(created)))
	}
	if len(sensor.Channels) > 0 {
		sensor.EquipmentPartsUUID = sensor.Channels[0].EquipmentPartsUUID
	}
	device.Sensors = []Sensor{sensor}
	return device
}

const deviceModel = "0572 2031"

func firmware(d *identity, first, later string) string {
	if d.since > 0 {
		return later
	}
	return first
}

func (sc *scene) channelOf(c *channel, shift int64, since time.Time) Channel {
	exponent := 1
	if c.door || c.unit == "hPa" {
		exponent = 0
	}
	return Channel{
		ChannelID: c.id + shift, ChannelNo: c.no, Unit: sc.unit(c.unit, c.key), PropertyName: c.property, Extension: c.extension,
		UnitExponent: exponent, IsExternal: c.extension == kindProduct.extension, IsCalibrationPossible: !c.door,
		EquipmentPartsUUID: c.part(), LimitValuesUUID: c.limitsUUID(), LastModified: since,
	}
}
