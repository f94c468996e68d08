package saveristest

import (
	"net/http"
	"strconv"
	"strings"
)

// fleetSync answers one of the nine GETs in one call (document 4.3, objects in 10): lists of nested objects.
func (x *exchange) fleetSync() {
	n := &nest{scene: x.s.scene(), at: x.now.Unix(), limit: x.sw.SyncLimit,
		enc: newEncoder(query{feed: x.op.feed, turn: x.s.turns.next(x.op.feed)}, x.sw, "lines", nil)}
	var lists []string
	switch {
	case x.op.feed == FeedProperties:
		lists = append(lists, n.list("probes", n.probe))
	case x.op.feed == FeedDeviceStatus && x.op.version == 1:
		lists = append(lists, n.list("devices_status", n.deviceStatus), n.list("sensors_status", n.sensorStatus))
	case x.op.feed == FeedDeviceStatus:
		lists = append(lists, n.list("devices_status", n.deviceStatus))
	case x.op.feed == FeedSensorStatus:
		lists = append(lists, n.list("sensors_status", n.sensorStatus))
	case x.op.feed == FeedEquipments:
		lists = append(lists, n.list("equipments", n.equipment))
	default:
		lists = append(lists, n.tenants())
	}
	body := []byte("{" + strings.Join(lists, ", ") + "}")
	if len(body) > n.limit {
		x.problem(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "Request Too Long", nil)
		return
	}
	x.deliver(body, "application/json", x.op.feed, &tally{})
}

// nest writes the objects of an answer, the inner ones first.
type nest struct {
	scene *scene
	at    int64
	limit int // bytes, after which nothing more is of use
	enc   *encoder
}

// list has an object for each place that has one.
func (n *nest) list(name string, object func(*logger) string) string {
	var b strings.Builder
	b.WriteString(`"` + name + `": [`)
	comma := ""
	for _, l := range n.scene.loggers {
		if b.Len() > n.limit {
			break
		}
		if text := object(l); text != "" {
			b.WriteString(comma + text)
			comma = ", "
		}
	}
	return b.String() + "]"
}

func (n *nest) object(cells ...cell) string {
	n.enc.buf = n.enc.buf[:0]
	n.enc.jsonRow(n.enc.spell.spell(cells), ", ", "{", "}", ": ")
	return string(n.enc.buf)
}

// named gives a cell its name.
func (c cell) named(name string) cell {
	c.name = name
	return c
}

func texts(pairs ...string) (cells []cell) {
	for i := 0; i < len(pairs); i += 2 {
		cells = append(cells, cell{name: pairs[i], text: pairs[i+1]})
	}
	return cells
}

// objects is a list within an object.
func objects(name string, list []string) cell {
	return cell{name: name, text: "[" + strings.Join(list, ", ") + "]", kind: cellRaw}
}

func (n *nest) probe(l *logger) string {
	if !n.scene.world.listed(l, n.at) {
		return ""
	}
	d := n.scene.deviceOf(l, n.at)
	var sensors []string
	for i := range d.Sensors {
		sensors = append(sensors, n.sensor(&d, &d.Sensors[i]))
	}
	return n.object(append(texts("tenant_uuid", d.TenantUUID, "customer_site", d.CustomerSite, "device_uuid", d.DeviceUUID, "device_serial_no", d.SerialNo,
		"device_model_code", d.ModelCode, "device_firmware_version", d.FirmwareVersion, "device_display_name", d.DisplayName,
		"communication_log_time", strconv.FormatInt(d.CommunicationCycle, 10), "is_ethernetprobe", digit(d.IsEthernetProbe),
		"is_powersuppliable", digit(d.IsPowerSuppliable), "is_wirelessprobe", digit(d.IsWirelessProbe), "equipment_uuid", d.EquipmentUUID),
		moment(d.CreatedAt).named("created_at"), objects("sensors", sensors))...)
}

func (n *nest) sensor(d *Device, s *Sensor) string {
	var channels []string
	for i := range s.Channels {
		c := &s.Channels[i]
		channels = append(channels, n.object(texts("channel_id", strconv.FormatInt(c.ChannelID, 10), "channel_no", strconv.Itoa(c.ChannelNo),
			"channel_measurement_log_time", strconv.FormatInt(d.MeasuringCycle, 10), "physical_unit", documentUnit(c.Unit), "physical_property_name", c.PropertyName,
			"physical_extension", c.Extension, "physical_unit_exponent", strconv.Itoa(c.UnitExponent), "attenuation", "0", "is_external", digit(c.IsExternal),
			"is_calibration_possible", digit(c.IsCalibrationPossible), "equipment_parts_uuid", c.EquipmentPartsUUID, "limit_values_uuid", c.LimitValuesUUID)...))
	}
	return n.object(append(texts("sensor_uuid", s.SensorUUID, "sensor_serial_no", s.SerialNo, "sensor_model_code", s.ModelCode,
		"sensor_firmware_version", s.FirmwareVersion, "sensor_display_name", s.DisplayName, "sensor_is_active", digit(d.IsActive),
		"equipment_uuid", d.EquipmentUUID, "equipment_parts_uuid", s.EquipmentPartsUUID), objects("channels", channels))...)
}

// documentUnit is the unit as the document's objects spell it.
func documentUnit(unit string) string {
	if unit == "°C" {
		return "CELSIUS"
	}
	return unit
}

func (n *nest) deviceStatus(l *logger) string {
	if !n.scene.world.listed(l, n.at) {
		return ""
	}
	d, _ := n.scene.statuses(l, n.at)
	return n.object(append(texts("device_uuid", d.DeviceUUID, "tenant_uuid", d.TenantUUID, "serial_no", d.SerialNo, "model_code", d.ModelCode,
		"connection_type", "CT_"+d.ConnectionType),
		whole(int64(d.BatteryLevel)).named("battery_level_percent"), whole(int64(d.RadioLevel)).named("radio_level_percent"), word(d.FirmwareVersion).named("fw_version"),
		boolean(d.IsPowerSupplyOn).named("is_powersupply_on"), moment(d.LastCommunication).named("last_communication"),
		moment(d.NextCommunication).named("next_communication"), moment(d.LastMeasurement).named("last_measurement_time"),
		moment(d.ProcessedAt).named("processed_at"))...)
}

func (n *nest) sensorStatus(l *logger) string {
	if !n.scene.world.listed(l, n.at) {
		return ""
	}
	_, s := n.scene.statuses(l, n.at)
	return n.object(append(texts("sensor_uuid", s.SensorUUID, "tenant_uuid", s.TenantUUID, "fw_version", s.FirmwareVersion, "serial_no", s.SerialNo,
		"model_code", s.ModelCode), whole(int64(s.BatteryLevel)).named("battery_level_percent"), whole(int64(s.RadioLevel)).named("radio_level_percent"),
		moment(s.ProcessedAt).named("processed_at"))...)
}

func (n *nest) equipment(l *logger) string {
	e := n.scene.equipment(l, n.at)
	var parts []string
	for i := range e.Parts {
		p := &e.Parts[i]
		var limits []string
		for m := range p.Limits {
			limits = append(limits, n.limits(&p.Limits[m]))
		}
		parts = append(parts, n.object(append(texts("equipment_parts_uuid", p.EquipmentPartsUUID, "equipment_parts_title", p.EquipmentPartsTitle,
			"equipment_parts_purpose_title", p.PurposeTitle, "equipment_parts_purpose_uuid", p.PurposeUUID), objects("alarm_configurations", limits))...))
	}
	return n.object(append(texts("tenant_uuid", e.TenantUUID, "equipment_uuid", e.EquipmentUUID, "equipment_title", e.EquipmentTitle, "area_uuid", e.AreaUUID,
		"area_title", e.AreaTitle, "equipment_type_title", e.EquipmentTypeTitle, "equipment_type_uuid", e.EquipmentTypeUUID),
		moment(e.ProcessedAt).named("processed_at"), moment(e.LastModifiedAt).named("last_modified_at"), word(digit(e.IsActive)).named("is_active"),
		objects("equipment_parts", parts))...)
}

func (n *nest) limits(l *Limits) string {
	return n.object(word(l.LimitValuesUUID).named("limit_values_uuid"), whole(l.DoorContactDelay).named("door_contact_delay_in_ms"),
		whole(l.AlarmDelay).named("alarm_delay"), word(l.DisplayUnit).named("display_unit"), whole(l.MeasuringRate).named("measuring_rate"),
		bounded(l, l.LowerViolation).named("lower_violation"), bounded(l, l.LowerWarning).named("lower_warning"),
		bounded(l, l.UpperViolation).named("upper_violation"), bounded(l, l.UpperWarning).named("upper_warning"),
		whole(l.ValidFrom).named("valid_from_time"), whole(l.ValidUntil).named("valid_until_time"))
}

func (n *nest) tenants() string {
	t := newTable(n.enc.sw, 3, columnsTenants, nil)
	var list []string
	for _, tenant := range n.scene.tenants() {
		list = append(list, n.object(t.finish(t.tenant(&tenant))...))
	}
	return `"tenants": [` + strings.Join(list, ", ") + "]"
}
