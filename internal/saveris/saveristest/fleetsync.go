package saveristest

import (
	"net/http"
	"slices"
	"strconv"
)

// fleetSync answers one of the nine GETs in one call (document 4.3, objects in 10): lists of nested objects.
func (x *exchange) fleetSync() {
	n := &nest{scene: x.s.scene(), at: x.now.Unix(), limit: x.sw.SyncLimit,
		encoder: newEncoder(query{feed: x.op.feed, turn: x.s.turns.next(x.op.feed)}, x.sw, "lines", nil)}
	if n.answer(x.op); len(n.buf) > n.limit {
		x.problem(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "Request Too Long", nil)
		return
	}
	x.deliver(n.buf, "application/json", x.op.feed, &tally{})
}

// nest writes the answer to a GET in one call.
type nest struct {
	*encoder
	scene *scene
	at    int64
	limit int // bytes, after which nothing more is of use
	cells []cell
}

func (n *nest) answer(op operation) {
	n.text("{")
	switch {
	case op.feed == FeedProperties:
		n.places("probes", n.probe)
	case op.feed == FeedDeviceStatus && op.version == 1:
		n.places("devices_status", n.deviceStatus)
		n.text(", ")
		n.places("sensors_status", n.sensorStatus)
	case op.feed == FeedDeviceStatus:
		n.places("devices_status", n.deviceStatus)
	case op.feed == FeedSensorStatus:
		n.places("sensors_status", n.sensorStatus)
	case op.feed == FeedEquipments:
		n.places("equipments", n.equipment)
	default:
		t, tenants := newTable(n.sw, 3, columnsTenants, nil), n.scene.tenants()
		n.list("tenants", len(tenants), func(i int) {
			n.object(t.finish(t.tenant(&tenants[i])))
			n.text("}")
		})
	}
	n.text("}")
}

func (n *nest) text(text string) { n.buf = append(n.buf, text...) }

// list writes a list of objects with its name.
func (n *nest) list(name string, length int, object func(i int)) {
	n.text(`"` + name + `": [`)
	for i := range length {
		if len(n.buf) > n.limit {
			break
		}
		if i > 0 {
			n.text(", ")
		}
		object(i)
	}
	n.text("]")
}

// places writes a list with an object for each place that has a device, or for all where it is of equipments.
func (n *nest) places(name string, object func(*logger)) {
	listed := n.scene.loggers
	if name != "equipments" {
		listed = slices.DeleteFunc(slices.Clone(listed), func(l *logger) bool { return !n.scene.world.listed(l, n.at) })
	}
	n.list(name, len(listed), func(i int) { object(listed[i]) })
}

// within writes the list that ends an object.
func (n *nest) within(name string, length int, object func(i int)) {
	n.text(", ")
	n.list(n.spell.name(name), length, object)
	n.text("}")
}

// object writes an object whose end is still to come.
func (n *nest) object(cells []cell) {
	n.jsonRow(n.spell.spell(cells), ", ", "{", "", ": ")
}

// texts are cells of names and texts; they are valid until the next call.
func (n *nest) texts(pairs ...string) []cell {
	n.cells = n.cells[:0]
	for i := 0; i < len(pairs); i += 2 {
		n.cells = append(n.cells, cell{name: pairs[i], text: pairs[i+1]})
	}
	return n.cells
}

// named gives a cell its name.
func (c cell) named(name string) cell {
	c.name = name
	return c
}

func (n *nest) probe(l *logger) {
	d := n.scene.deviceOf(l, n.at)
	n.object(append(n.texts("tenant_uuid", d.TenantUUID, "customer_site", d.CustomerSite, "device_uuid", d.DeviceUUID, "device_serial_no", d.SerialNo,
		"device_model_code", d.ModelCode, "device_firmware_version", d.FirmwareVersion, "device_display_name", d.DisplayName,
		"communication_log_time", strconv.FormatInt(d.CommunicationCycle, 10), "is_ethernetprobe", digit(d.IsEthernetProbe),
		"is_powersuppliable", digit(d.IsPowerSuppliable), "is_wirelessprobe", digit(d.IsWirelessProbe), "equipment_uuid", d.EquipmentUUID),
		moment(d.CreatedAt).named("created_at")))
	n.within("sensors", len(d.Sensors), func(i int) { n.sensor(&d, &d.Sensors[i]) })
}

func (n *nest) sensor(d *Device, s *Sensor) {
	n.object(n.texts("sensor_uuid", s.SensorUUID, "sensor_serial_no", s.SerialNo, "sensor_model_code", s.ModelCode,
		"sensor_firmware_version", s.FirmwareVersion, "sensor_display_name", s.DisplayName, "sensor_is_active", digit(d.IsActive),
		"equipment_uuid", d.EquipmentUUID, "equipment_parts_uuid", s.EquipmentPartsUUID))
	n.within("channels", len(s.Channels), func(i int) { n.channel(d, &s.Channels[i]) })
}

func (n *nest) channel(d *Device, c *Channel) {
	n.object(n.texts("channel_id", strconv.FormatInt(c.ChannelID, 10), "channel_no", strconv.Itoa(c.ChannelNo),
		"channel_measurement_log_time", strconv.FormatInt(d.MeasuringCycle, 10), "physical_unit", documentUnit(c.Unit), "physical_property_name", c.PropertyName,
		"physical_extension", c.Extension, "physical_unit_exponent", strconv.Itoa(c.UnitExponent), "attenuation", "0", "is_external", digit(c.IsExternal),
		"is_calibration_possible", digit(c.IsCalibrationPossible), "equipment_parts_uuid", c.EquipmentPartsUUID, "limit_values_uuid", c.LimitValuesUUID))
	n.text("}")
}

// documentUnit is the unit as the document's objects spell it.
func documentUnit(unit string) string {
	if unit == "°C" {
		return "CELSIUS"
	}
	return unit
}

func (n *nest) deviceStatus(l *logger) {
	d, _ := n.scene.statuses(l, n.at)
	n.object(append(n.texts("device_uuid", d.DeviceUUID, "tenant_uuid", d.TenantUUID, "serial_no", d.SerialNo, "model_code", d.ModelCode,
		"connection_type", "CT_"+d.ConnectionType),
		whole(int64(d.BatteryLevel)).named("battery_level_percent"), whole(int64(d.RadioLevel)).named("radio_level_percent"), word(d.FirmwareVersion).named("fw_version"),
		boolean(d.IsPowerSupplyOn).named("is_powersupply_on"), moment(d.LastCommunication).named("last_communication"),
		moment(d.NextCommunication).named("next_communication"), moment(d.LastMeasurement).named("last_measurement_time"),
		moment(d.ProcessedAt).named("processed_at")))
	n.text("}")
}

func (n *nest) sensorStatus(l *logger) {
	_, s := n.scene.statuses(l, n.at)
	n.object(append(n.texts("sensor_uuid", s.SensorUUID, "tenant_uuid", s.TenantUUID, "fw_version", s.FirmwareVersion, "serial_no", s.SerialNo,
		"model_code", s.ModelCode), whole(int64(s.BatteryLevel)).named("battery_level_percent"), whole(int64(s.RadioLevel)).named("radio_level_percent"),
		moment(s.ProcessedAt).named("processed_at")))
	n.text("}")
}

func (n *nest) equipment(l *logger) {
	e := n.scene.equipment(l, n.at)
	n.object(append(n.texts("tenant_uuid", e.TenantUUID, "equipment_uuid", e.EquipmentUUID, "equipment_title", e.EquipmentTitle, "area_uuid", e.AreaUUID,
		"area_title", e.AreaTitle, "equipment_type_title", e.EquipmentTypeTitle, "equipment_type_uuid", e.EquipmentTypeUUID),
		moment(e.ProcessedAt).named("processed_at"), moment(e.LastModifiedAt).named("last_modified_at"), word(digit(e.IsActive)).named("is_active")))
	n.within("equipment_parts", len(e.Parts), func(i int) {
		p := &e.Parts[i]
		n.object(n.texts("equipment_parts_uuid", p.EquipmentPartsUUID, "equipment_parts_title", p.EquipmentPartsTitle,
			"equipment_parts_purpose_title", p.PurposeTitle, "equipment_parts_purpose_uuid", p.PurposeUUID))
		n.within("alarm_configurations", len(p.Limits), func(i int) { n.limits(&p.Limits[i]) })
	})
}

func (n *nest) limits(l *Limits) {
	n.object(append(n.texts("limit_values_uuid", l.LimitValuesUUID), whole(l.DoorContactDelay).named("door_contact_delay_in_ms"),
		whole(l.AlarmDelay).named("alarm_delay"), word(l.DisplayUnit).named("display_unit"), whole(l.MeasuringRate).named("measuring_rate"),
		bounded(l, l.LowerViolation).named("lower_violation"), bounded(l, l.LowerWarning).named("lower_warning"),
		bounded(l, l.UpperViolation).named("upper_violation"), bounded(l, l.UpperWarning).named("upper_warning"),
		whole(l.ValidFrom).named("valid_from_time"), whole(l.ValidUntil).named("valid_until_time")))
	n.text("}")
}
