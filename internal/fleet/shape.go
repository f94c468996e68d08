package fleet

import (
	"slices"
	"strings"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Kind is a kind of thing, see schema.FleetKind.
type Kind = schema.FleetKind

// form says what a column holds, and so how its spellings are brought into one.
type form uint8

const (
	text       form = iota
	uuid            // lower case
	integer         // 900000, also from "900000" and 9e5
	number          // as RFC 8785 writes it
	truth           // true, also from "true", "1" and 1
	moment          // RFC 3339 in UTC
	date            // YYYY-MM-DD
	list            // of texts
	unit            // °C for every spelling of it
	connection      // without CT_
	config          // JSON, also within a text
)

// column is one column of the vendor's current exports (document, 8), under its name.
type column struct {
	name     string
	form     form
	head     string // the name as a member begins
	volatile bool   // a change of it is none
}

// shape is one level of a document: its columns in the document's order, and the list of objects within it.
type shape struct {
	columns []column
	extras  []column // of older versions only: they stand in "other"
	id      []string // columns that tell such objects apart: the first that is there
	joint   bool     // all of them do together
	nest    string   // member that holds the objects within
	inner   *shape
	partial bool // columns that have no place of their own are dropped

	index map[string]int // of columns and, behind them, extras, by name
}

// columnsOf reads a table: name, or name:form.
func columnsOf(table string) (all []column) {
	forms := map[string]form{"": text, "uuid": uuid, "int": integer, "number": number, "flag": truth, "time": moment, "date": date, "list": list, "unit": unit, "connection": connection, "config": config}
	for _, word := range strings.Fields(table) {
		name, kind, _ := strings.Cut(word, ":")
		f, known := forms[kind]
		if !known {
			panic("fleet: internal error: no form " + kind)
		}
		all = append(all, column{name, f, `"` + name + `":`, volatile(name)})
	}
	return all
}

// part returns a shape with some of the columns of s, on all its levels.
func (s *shape) part(wanted map[string]bool) *shape {
	if s == nil {
		return nil
	}
	unwanted := func(c column) bool { return !wanted[c.name] }
	return shape{
		columns: slices.DeleteFunc(slices.Clone(s.columns), unwanted), extras: slices.DeleteFunc(slices.Clone(s.extras), unwanted),
		nest: s.nest, inner: s.inner.part(wanted), partial: true,
	}.indexed()
}

func (s shape) indexed() *shape {
	s.index = map[string]int{}
	for i, c := range s.columns {
		s.index[c.name] = i
	}
	for i, c := range s.extras {
		s.index[c.name] = len(s.columns) + i
	}
	return &s
}

// names reports whether a column is one of those that tell such objects apart.
func (s *shape) names(column string) bool { return slices.Contains(s.id, column) }

// cell is the index of a column; it must be one.
func (s *shape) cell(name string) int {
	i, known := s.index[name]
	if !known || i >= len(s.columns) {
		panic("fleet: internal error: no column " + name)
	}
	return i
}

// volatile reports whether a column says when something was in touch, processed or edited: that is no change.
func volatile(name string) bool {
	switch name {
	case "processed_at", "status_time", "last_communication_time", "next_communication_time", "last_measurement_time", "last_modified_at", "version_timestamp":
		return true
	}
	return strings.HasSuffix(name, "_last_modified")
}

// The shapes, by the vendor's document, sections 8.4 to 8.10. Lists within have the names of the synchronous answers (section 10).
var shapes = map[Kind]*shape{
	schema.KindTenant: shape{
		columns: columnsOf(`tenant_uuid:uuid parent_uuid:uuid is_operator:flag organisation_name organisation_id organisation_email
			country main_timezone main_language register_time:time`),
		id: []string{"tenant_uuid"},
	}.indexed(),
	schema.KindLocation: shape{
		columns: columnsOf(`tenant_uuid:uuid location_uuid:uuid parent_uuid:uuid name location_type parent_location_type
			location_subtype valid_from:time last_modified_at:time`),
		id: []string{"location_uuid"},
	}.indexed(),
	schema.KindEquipment: shape{
		columns: columnsOf(`tenant_uuid:uuid equipment_uuid:uuid equipment_title equipment_type_uuid:uuid equipment_type_title
			area_uuid:uuid area_title processed_at:time last_modified_at:time is_active:flag`),
		id:   []string{"equipment_uuid"},
		nest: "equipment_parts",
		inner: shape{
			columns: columnsOf(`equipment_parts_uuid:uuid equipment_parts_title equipment_parts_purpose_uuid:uuid equipment_parts_purpose_title`),
			id:      []string{"equipment_parts_uuid"},
			nest:    "alarm_configurations",
			inner: shape{
				columns: columnsOf(`limit_values_uuid:uuid door_contact_delay_in_ms:number alarm_delay:number display_unit
					lower_violation:number lower_warning:number upper_violation:number upper_warning:number measuring_rate:number
					valid_from_time:number valid_until_time:number`),
				id:    []string{"limit_values_uuid", "display_unit", "valid_from_time", "valid_until_time"},
				joint: true,
			}.indexed(),
		}.indexed(),
	}.indexed(),
	schema.KindDevice: shape{
		columns: columnsOf(`tenant_uuid:uuid customer_site:uuid device_uuid:uuid device_category device_serial_no device_model_code
			device_firmware_version device_supported_battery_types:list device_display_name device_is_active:flag
			device_communication_log_time:int device_measuring_cycle:int device_measuring_cycle_effective:int
			device_is_ethernetprobe:flag device_is_powersuppliable:flag device_is_wirelessprobe:flag device_last_modified:time
			equipment_uuid:uuid`),
		extras: columnsOf(`device_created_at:time`),
		id:     []string{"device_uuid", "device_serial_no"},
		nest:   "sensors",
		inner: shape{
			columns: columnsOf(`sensor_uuid:uuid sensor_serial_no sensor_model_code sensor_firmware_version sensor_display_name
				sensor_is_wired:flag sensor_is_radio:flag sensor_is_connected:flag sensor_measuring_cycle:int
				sensor_measuring_cycle_effective:int sensor_last_modified:time`),
			extras: columnsOf(`sensor_is_active:flag sensor_equipment_uuid:uuid sensor_equipment_parts_uuid:uuid`),
			id:     []string{"sensor_uuid", "sensor_serial_no"},
			nest:   "channels",
			inner: shape{
				columns: columnsOf(`channel_id:int channel_no:int channel_physical_unit:unit channel_physical_property_name
					channel_physical_extension channel_physical_unit_exponent:int channel_attenuation:number channel_is_external:flag
					channel_is_calibration_possible:flag equipment_parts_uuid:uuid channel_last_modified:time`),
				extras: columnsOf(`channel_measurement_log_time:int limit_values_uuid:uuid`),
				id:     []string{"channel_no", "channel_id"},
			}.indexed(),
		}.indexed(),
	}.indexed(),
	schema.KindDeviceStatus: shape{
		columns: columnsOf(`device_uuid:uuid tenant_uuid:uuid customer_site:uuid serial_no model_code production_date:date
			connection_type:connection radio_level_percent:int battery_level_percent:int battery_temperature:number
			is_powersupply_on:flag last_communication_time:time next_communication_time:time status_time:time processed_at:time`),
		extras: columnsOf(`fw_version last_measurement_time:time`),
		id:     []string{"device_uuid", "serial_no"},
	}.indexed(),
	schema.KindSensorStatus: shape{
		columns: columnsOf(`sensor_uuid:uuid tenant_uuid:uuid customer_site:uuid serial_no model_code production_date:date
			radio_level_percent:int battery_level_percent:int battery_temperature:number battery_voltage_mv:int
			battery_predicted_remaining_operating_days:int last_communication_time:time next_communication_time:time
			status_time:time processed_at:time`),
		extras: columnsOf(`fw_version`),
		id:     []string{"sensor_uuid", "serial_no"},
	}.indexed(),
	schema.KindMeasuringObject: shape{
		columns: columnsOf(`customer_uuid:uuid mo_uuid:uuid product_family_id customer_site:uuid version_timestamp:time
			measurement_alarm_configuration:config channel_assignments:config measuring_instructions:config valid_from:time`),
		id: []string{"mo_uuid"},
	}.indexed(),
}

// source says where a kind comes from and what its things are called.
type source struct {
	feed   saveris.Feed
	tenant string // column of the account
	serial string // column that makes the key, empty where it is the uuid
}

var sources = map[Kind]source{
	schema.KindTenant:          {saveris.Tenants, "tenant_uuid", ""},
	schema.KindLocation:        {saveris.Locations, "tenant_uuid", ""},
	schema.KindEquipment:       {saveris.Equipments, "tenant_uuid", ""},
	schema.KindDevice:          {saveris.DeviceProperties, "tenant_uuid", "device_serial_no"},
	schema.KindDeviceStatus:    {saveris.DeviceStatus, "tenant_uuid", "serial_no"},
	schema.KindSensorStatus:    {saveris.SensorStatus, "tenant_uuid", "serial_no"},
	schema.KindMeasuringObject: {saveris.MeasuringObjects, "customer_uuid", ""},
}
