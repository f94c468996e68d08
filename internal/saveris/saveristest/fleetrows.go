package saveristest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Columns of the exports in the order of the document (8.4 to 8.10, 9).
var (
	columnsProperties1   = strings.Fields("tenant_uuid customer_site_uuid device_uuid device_serial_no device_model_code device_firmware_version device_display_name communication_log_time is_ethernetprobe is_powersupplieable is_wirelessprobe sensor_uuid sensor_serial_no sensor_model_code sensor_firmware_version sensor_display_name sensor_is_active channel_id channel_no channel_measurement_log_time physical_unit physical_property_name physical_extension physical_unit_exponent is_external is_calibration_possible attenuation device_created_at device_equipment_uuid sensor_equipment_uuid sensor_equipment_parts_uuid channel_equipment_parts_uuid limit_values_uuid")
	columnsProperties    = strings.Fields("tenant_uuid customer_site device_uuid device_category device_serial_no device_model_code device_firmware_version device_supported_battery_types device_display_name device_is_active device_communication_log_time device_measuring_cycle device_measuring_cycle_effective device_is_ethernetprobe device_is_powersuppliable device_is_wirelessprobe device_last_modified sensor_uuid sensor_serial_no sensor_model_code sensor_firmware_version sensor_display_name sensor_is_wired sensor_is_radio sensor_is_connected sensor_measuring_cycle sensor_measuring_cycle_effective sensor_last_modified channel_id channel_no channel_physical_unit channel_physical_property_name channel_physical_extension channel_physical_unit_exponent channel_attenuation channel_is_external channel_is_calibration_possible equipment_uuid equipment_parts_uuid channel_last_modified")
	columnsDeviceStatus3 = strings.Fields("device_uuid tenant_uuid customer_site serial_no model_code connection_type battery_level_percent radio_level_percent fw_version is_powersupply_on last_communication next_communication last_measurement_time processed_at")
	columnsDeviceStatus  = strings.Fields("device_uuid tenant_uuid customer_site serial_no model_code production_date connection_type radio_level_percent battery_level_percent battery_temperature is_powersupply_on last_communication_time next_communication_time status_time processed_at")
	columnsSensorStatus3 = strings.Fields("sensor_uuid tenant_uuid customer_site fw_version serial_no model_code battery_level_percent radio_level_percent next_communication last_communication processed_at")
	columnsSensorStatus  = strings.Fields("sensor_uuid tenant_uuid customer_site serial_no model_code production_date radio_level_percent battery_level_percent battery_temperature battery_voltage_mv battery_predicted_remaining_operating_days last_communication_time next_communication_time status_time processed_at")
	columnsEquipments    = strings.Fields("tenant_uuid equipment_parts_uuid equipment_parts_title equipment_uuid equipment_title equipment_type_uuid equipment_type_title equipment_parts_purpose_uuid equipment_parts_purpose_title area_uuid area_title processed_at last_modified_at is_active limit_values_uuid door_contact_delay_in_ms alarm_delay display_unit lower_violation lower_warning upper_violation upper_warning measuring_rate valid_from_time valid_until_time")
	columnsTenants       = strings.Fields("tenant_uuid parent_uuid is_operator organisation_name organisation_id organisation_email country main_timezone main_language register_time")
	columnsLocations     = strings.Fields("tenant_uuid location_uuid parent_uuid name location_type parent_location_type location_subtype valid_from last_modified_at")
	columnsObjects       = strings.Fields("customer_uuid mo_uuid product_family_id customer_site version_timestamp measurement_alarm_configuration channel_assignments measuring_instructions valid_from")
)

// productionDate is that of every device and sensor.
const productionDate = "2025-11-03"

// fleetColumns are the columns of a feed of the fleet in one version.
func fleetColumns(sw *Switches, feed string, version int) []string {
	switch {
	case feed == FeedProperties && version == 1:
		return columnsProperties1
	case feed == FeedProperties:
		return columnsProperties
	case feed == FeedDeviceStatus && version < 4:
		return columnsDeviceStatus3
	case feed == FeedDeviceStatus:
		return columnsDeviceStatus
	case feed == FeedSensorStatus && version < 4:
		return columnsSensorStatus3
	case feed == FeedSensorStatus:
		return columnsSensorStatus
	case feed == FeedEquipments:
		return columnsEquipments
	case feed == FeedTenants:
		return columnsTenants
	case feed == FeedLocations:
		return columnsLocations
	case sw.MOID == "mo_uuid":
		return columnsObjects
	}
	names := slices.Clone(columnsObjects)
	names[1] = "measuring_object_uuid"
	return names
}

// fleetRow makes the cells of one row; they are valid until the next one's.
type fleetRow func() []cell

// eachFleet yields the rows of a feed at a moment, each with a hash that belongs to it for ever.
func (f *filler) eachFleet(t *table, yield func(spread uint64, row fleetRow) bool) {
	sc, at := f.scene, f.q.asOf.Unix()
	switch f.q.feed {
	case FeedTenants:
		for _, x := range sc.tenants() {
			if !yield(spreadOf(x.TenantUUID), func() []cell { return t.tenant(&x) }) {
				return
			}
		}
		return
	case FeedLocations:
		for _, x := range sc.locations() {
			if !yield(spreadOf(x.LocationUUID), func() []cell { return t.location(&x) }) {
				return
			}
		}
		return
	}
	for _, l := range sc.loggers {
		if !f.fleetOf(l, at, t, yield) {
			return
		}
	}
}

// fleetOf yields the rows of one place.
func (f *filler) fleetOf(l *logger, at int64, t *table, yield func(spread uint64, row fleetRow) bool) bool {
	sc := f.scene
	switch f.q.feed {
	case FeedEquipments:
		e := sc.equipment(l, at)
		for i := range e.Parts {
			for n := range e.Parts[i].Limits {
				if !yield(hash(l.key^0xe9, int64(i*16+n)), func() []cell { return t.equipment(&e, &e.Parts[i], &e.Parts[i].Limits[n]) }) {
					return false
				}
			}
		}
		return true
	case FeedMeasuringObjects:
		for i, m := range sc.measuringObjects(l, at) {
			if !yield(hash(l.key^0x0b, int64(i)), func() []cell { return t.measuringObject(&m) }) {
				return false
			}
		}
		return true
	}
	if !sc.world.listed(l, at) {
		return true
	}
	if f.q.feed == FeedProperties {
		d := sc.deviceOf(l, at)
		s := &d.Sensors[0]
		for i := range s.Channels {
			if !yield(hash(l.key^0xde, int64(i)), func() []cell { return t.properties(&d, s, &s.Channels[i]) }) {
				return false
			}
		}
		return true
	}
	device, sensor := sc.statuses(l, at)
	return yield(mix(l.key^0x57), func() []cell {
		if f.q.feed == FeedDeviceStatus {
			return t.deviceStatus(&device)
		}
		return t.sensorStatus(&sensor)
	})
}

func (f *filler) fillFleet(t *table, p *page[fleetRow]) {
	f.eachFleet(t, func(spread uint64, row fleetRow) bool {
		if f.part(spread) {
			copies, _ := f.shape(spread, 1)
			p.add(unit[fleetRow]{row: row, copies: copies})
		}
		return true
	})
}

func word(text string) cell { return cell{text: text} }

func whole(n int64) cell { return cell{text: strconv.FormatInt(n, 10), kind: cellNumber} }

func decimal(x float64) cell {
	return cell{text: strconv.FormatFloat(x, 'f', -1, 64), kind: cellNumber}
}

func boolean(b bool) cell { return cell{text: strconv.FormatBool(b), kind: cellBool} }

// millis is a time as locations and measuring objects have it.
func millis(t time.Time) cell {
	return cell{text: t.UTC().Format("2006-01-02T15:04:05.000Z"), kind: cellTime}
}

// bounded is a limit, null where there is none.
func bounded(l *Limits, x float64) cell {
	if !l.Bounded {
		return cell{kind: cellNumber}
	}
	return decimal(x)
}

// flag is a flag of device properties: a string in the document, whatever its text.
func (t *table) flag(b bool) cell {
	switch {
	case t.sw.PropsBool == "bare":
		return boolean(b)
	case t.sw.PropsBool == "digit":
		return word(digit(b))
	}
	return word(strconv.FormatBool(b))
}

// digit is a flag of the answers in one call.
func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func (t *table) properties(d *Device, s *Sensor, c *Channel) []cell {
	if t.version == 1 {
		return append(t.scratch[:0], word(d.TenantUUID), word(d.CustomerSite), word(d.DeviceUUID), word(d.SerialNo), word(d.ModelCode),
			word(d.FirmwareVersion), word(d.DisplayName), whole(d.CommunicationCycle), boolean(d.IsEthernetProbe), boolean(d.IsPowerSuppliable),
			boolean(d.IsWirelessProbe), word(s.SensorUUID), word(s.SerialNo), word(s.ModelCode), word(s.FirmwareVersion), word(s.DisplayName),
			boolean(d.IsActive), whole(c.ChannelID), whole(int64(c.ChannelNo)), whole(d.MeasuringCycle), word(c.Unit), word(c.PropertyName),
			word(c.Extension), whole(int64(c.UnitExponent)), boolean(c.IsExternal), boolean(c.IsCalibrationPossible), whole(0), moment(d.CreatedAt),
			word(d.EquipmentUUID), word(d.EquipmentUUID), word(s.EquipmentPartsUUID), word(c.EquipmentPartsUUID), word(c.LimitValuesUUID))
	}
	return append(t.scratch[:0], word(d.TenantUUID), word(d.CustomerSite), word(d.DeviceUUID), word(d.Category), word(d.SerialNo), word(d.ModelCode),
		word(d.FirmwareVersion), cell{text: batteryTypes(d), kind: cellArray}, word(d.DisplayName), t.flag(d.IsActive), whole(d.CommunicationCycle),
		whole(d.MeasuringCycle), whole(d.MeasuringCycle), t.flag(d.IsEthernetProbe), t.flag(d.IsPowerSuppliable), t.flag(d.IsWirelessProbe),
		moment(d.LastModified), word(s.SensorUUID), word(s.SerialNo), word(s.ModelCode), word(s.FirmwareVersion), word(s.DisplayName),
		t.flag(s.IsWired), t.flag(s.IsRadio), t.flag(s.IsConnected), whole(d.MeasuringCycle), whole(d.MeasuringCycle), moment(s.LastModified),
		whole(c.ChannelID), whole(int64(c.ChannelNo)), word(c.Unit), word(c.PropertyName), word(c.Extension), whole(int64(c.UnitExponent)),
		whole(0), t.flag(c.IsExternal), t.flag(c.IsCalibrationPossible), word(d.EquipmentUUID), word(c.EquipmentPartsUUID), moment(c.LastModified))
}

// batteryTypes is the array as JSON has it.
func batteryTypes(d *Device) string { return `["` + strings.Join(d.BatteryTypes, `", "`) + `"]` }

func (t *table) deviceStatus(x *DeviceStatus) []cell {
	if t.version < 4 {
		return append(t.scratch[:0], word(x.DeviceUUID), word(x.TenantUUID), word(x.CustomerSite), word(x.SerialNo), word(x.ModelCode),
			word("CT_"+x.ConnectionType), whole(int64(x.BatteryLevel)), whole(int64(x.RadioLevel)), word(x.FirmwareVersion), boolean(x.IsPowerSupplyOn),
			moment(x.LastCommunication), moment(x.NextCommunication), moment(x.LastMeasurement), moment(x.ProcessedAt))
	}
	connection := x.ConnectionType
	if t.sw.StatusConnection == "CT_WIFI" {
		connection = "CT_" + connection
	}
	return append(t.scratch[:0], word(x.DeviceUUID), word(x.TenantUUID), word(x.CustomerSite), word(x.SerialNo), word(x.ModelCode), word(productionDate),
		word(connection), whole(int64(x.RadioLevel)), whole(int64(x.BatteryLevel)), decimal(x.BatteryTemperature), boolean(x.IsPowerSupplyOn),
		moment(x.LastCommunication), moment(x.NextCommunication), moment(x.LastCommunication), moment(x.ProcessedAt))
}

func (t *table) sensorStatus(x *SensorStatus) []cell {
	if t.version < 4 {
		return append(t.scratch[:0], word(x.SensorUUID), word(x.TenantUUID), word(x.CustomerSite), word(x.FirmwareVersion), word(x.SerialNo),
			word(x.ModelCode), whole(int64(x.BatteryLevel)), whole(int64(x.RadioLevel)), moment(x.NextCommunication), moment(x.LastCommunication),
			moment(x.ProcessedAt))
	}
	return append(t.scratch[:0], word(x.SensorUUID), word(x.TenantUUID), word(x.CustomerSite), word(x.SerialNo), word(x.ModelCode), word(productionDate),
		whole(int64(x.RadioLevel)), whole(int64(x.BatteryLevel)), decimal(x.BatteryTemperature), whole(int64(x.BatteryVoltage)), whole(x.RemainingDays),
		moment(x.LastCommunication), moment(x.NextCommunication), moment(x.LastCommunication), moment(x.ProcessedAt))
}

func (t *table) equipment(e *Equipment, p *EquipmentPart, l *Limits) []cell {
	return append(t.scratch[:0], word(e.TenantUUID), word(p.EquipmentPartsUUID), word(p.EquipmentPartsTitle), word(e.EquipmentUUID), word(e.EquipmentTitle),
		word(e.EquipmentTypeUUID), word(e.EquipmentTypeTitle), word(p.PurposeUUID), word(p.PurposeTitle), word(e.AreaUUID), word(e.AreaTitle),
		moment(e.ProcessedAt), moment(e.LastModifiedAt), boolean(e.IsActive), word(l.LimitValuesUUID), whole(l.DoorContactDelay), whole(l.AlarmDelay),
		word(l.DisplayUnit), bounded(l, l.LowerViolation), bounded(l, l.LowerWarning), bounded(l, l.UpperViolation), bounded(l, l.UpperWarning),
		whole(l.MeasuringRate), whole(l.ValidFrom), whole(l.ValidUntil))
}

func (t *table) tenant(x *Tenant) []cell {
	return append(t.scratch[:0], word(x.TenantUUID), word(x.ParentUUID), boolean(x.IsOperator), word(x.OrganisationName), word(x.OrganisationID),
		word(x.OrganisationEmail), word(x.Country), word(x.MainTimezone), word(x.MainLanguage), moment(x.RegisterTime))
}

func (t *table) location(x *Location) []cell {
	return append(t.scratch[:0], word(x.TenantUUID), word(x.LocationUUID), word(x.ParentUUID), word(x.Name), word(x.LocationType),
		word(x.ParentLocationType), word(x.LocationSubtype), millis(x.ValidFrom), millis(x.LastModifiedAt))
}

func (t *table) measuringObject(x *MeasuringObject) []cell {
	var alarms, channels, rate string
	switch t.sw.MOConfig {
	case "nested": // and no channels (seen)
		alarms, rate = t.conditions(x), fmt.Sprintf(`{"measuringRateMs":%d}`, x.Limits.MeasuringRate)
	case "flat":
		alarms = fmt.Sprintf(`{"upper_warning": %s, "upper_violation": %s, "lower_warning": %s, "lower_violation": %s}`, decimal(x.Limits.UpperWarning).text,
			decimal(x.Limits.UpperViolation).text, decimal(x.Limits.LowerWarning).text, decimal(x.Limits.LowerViolation).text)
		channels = fmt.Sprintf(`{"channel_id": %d, "equipment_parts_uuid": "%s"}`, x.ChannelID, x.EquipmentPartsUUID)
		rate = fmt.Sprintf(`{"measuring_rate_ms": %d}`, x.Limits.MeasuringRate)
	}
	return append(t.scratch[:0], word(x.CustomerUUID), word(x.MeasuringObjectUUID), word("savr"), word(x.CustomerSite), millis(x.VersionTimestamp),
		word(alarms), word(channels), word(rate), millis(x.ValidFrom))
}

// moCodes are the enum texts of May 2026 (seen for the lower limit in °C, the others inferred).
var moCodes = map[string]string{
	conditionLow: "MACT_LOWER_LIMIT", conditionHigh: "MACT_UPPER_LIMIT", "Alarm": "ASV_ALARM", "Warning": "ASV_WARNING",
	"Temperature": "PV_TEMPERATURE", "Humidity": "PV_HUMIDITY", "°C": "PU_DEGREE_CELSIUS", "%rF": "PU_RELATIVE_HUMIDITY", "%": "PU_PERCENT",
}

// conditions are the limits as live rows nest them.
func (t *table) conditions(x *MeasuringObject) string {
	key := conditionKey{x.PropertyName, x.Unit, x.Limits}
	key.LimitValuesUUID = ""
	list, known := t.nested[key]
	if !known {
		list = t.nestedConditions(x)
		if t.nested == nil {
			t.nested = map[conditionKey]string{}
		}
		t.nested[key] = list
	}
	return `{"measurementAlarmConditionSet":[{"measurementAlarmConditions":[` + list + `]}],"alarmConfigurationBackReference":"` + x.EquipmentPartsUUID + `"}`
}

// conditionKey is what the text of conditions follows from; a fleet has few of them.
type conditionKey struct {
	property, unit string
	Limits
}

func (t *table) nestedConditions(x *MeasuringObject) string {
	text := func(plain string) string {
		if code := moCodes[plain]; code != "" && t.sw.MOEnum == "codes" {
			return code
		}
		return plain
	}
	condition := func(kind, severity string, limit float64) string {
		value := decimal(limit).text
		if !strings.Contains(value, ".") {
			value += ".0"
		}
		return fmt.Sprintf(`{"measurementAlarmConditionTypeId":"%s","alarmSeverityId":"%s","physicalProperty":{"physicalValueId":"%s"},"limitValue":%s,"limitHysteresis":0.0,"delay":%d,"physicalUnitId":"%s"}`,
			text(kind), text(severity), text(x.PropertyName), value, x.Limits.AlarmDelay, text(x.Unit))
	}
	l := &x.Limits
	return strings.Join([]string{condition(conditionLow, "Alarm", l.LowerViolation), condition(conditionLow, "Warning", l.LowerWarning),
		condition(conditionHigh, "Warning", l.UpperWarning), condition(conditionHigh, "Alarm", l.UpperViolation)}, ",")
}
