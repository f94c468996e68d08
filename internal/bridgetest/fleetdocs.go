package bridgetest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"saveris-bridge/internal/saveris/saveristest"
)

// uuidColumns are what tells the things of a kind apart.
var uuidColumns = map[string]string{
	"tenant": "tenant_uuid", "location": "location_uuid", "equipment": "equipment_uuid", "device": "device_uuid",
	"device_status": "device_uuid", "sensor_status": "sensor_uuid", "measuring_object": "mo_uuid",
}

// columnsOfFleet are the documents of a fleet by kind and uuid, as the contract has them, with the columns that may differ from one
// thing, or from one moment, to the other.
func columnsOfFleet(f saveristest.Fleet) map[string]map[string]any {
	all := map[string]map[string]any{}
	add := func(kind string, columns map[string]any) {
		all[kind+" "+columns[uuidColumns[kind]].(string)] = plainly(columns)
	}
	for _, t := range f.Tenants {
		add("tenant", map[string]any{"tenant_uuid": t.TenantUUID, "parent_uuid": t.ParentUUID, "organisation_name": t.OrganisationName,
			"organisation_id": t.OrganisationID, "main_timezone": t.MainTimezone})
	}
	for _, l := range f.Locations {
		add("location", map[string]any{"tenant_uuid": l.TenantUUID, "location_uuid": l.LocationUUID, "parent_uuid": l.ParentUUID, "name": l.Name,
			"location_type": l.LocationType})
	}
	for _, e := range f.Equipments {
		add("equipment", columnsOfEquipment(e))
	}
	for _, d := range f.Devices {
		add("device", columnsOfDevice(d))
	}
	for _, s := range f.DeviceStatuses {
		add("device_status", map[string]any{"device_uuid": s.DeviceUUID, "tenant_uuid": s.TenantUUID, "customer_site": s.CustomerSite, "serial_no": s.SerialNo,
			"model_code": s.ModelCode, "connection_type": s.ConnectionType, "radio_level_percent": s.RadioLevel, "battery_level_percent": s.BatteryLevel,
			"battery_temperature": s.BatteryTemperature, "is_powersupply_on": s.IsPowerSupplyOn})
	}
	for _, s := range f.SensorStatuses {
		add("sensor_status", map[string]any{"sensor_uuid": s.SensorUUID, "tenant_uuid": s.TenantUUID, "customer_site": s.CustomerSite, "serial_no": s.SerialNo,
			"model_code": s.ModelCode, "radio_level_percent": s.RadioLevel, "battery_level_percent": s.BatteryLevel, "battery_temperature": s.BatteryTemperature,
			"battery_voltage_mv": s.BatteryVoltage, "battery_predicted_remaining_operating_days": s.RemainingDays})
	}
	for _, m := range f.MeasuringObjects { // with the switch mo.config=flat
		add("measuring_object", map[string]any{"customer_uuid": m.CustomerUUID, "mo_uuid": m.MeasuringObjectUUID, "customer_site": m.CustomerSite,
			"channel_assignments": map[string]any{"channel_id": m.ChannelID, "equipment_parts_uuid": m.EquipmentPartsUUID}})
	}
	return all
}

func columnsOfEquipment(e saveristest.Equipment) map[string]any {
	var parts []any
	for _, p := range e.Parts {
		var limits []any
		for _, l := range p.Limits {
			columns := map[string]any{"limit_values_uuid": l.LimitValuesUUID, "measuring_rate": l.MeasuringRate}
			if l.Bounded {
				columns["lower_violation"], columns["lower_warning"] = l.LowerViolation, l.LowerWarning
				columns["upper_violation"], columns["upper_warning"] = l.UpperViolation, l.UpperWarning
			}
			limits = append(limits, columns)
		}
		parts = append(parts, map[string]any{"equipment_parts_uuid": p.EquipmentPartsUUID, "equipment_parts_title": p.EquipmentPartsTitle,
			"alarm_configurations": limits})
	}
	return map[string]any{"tenant_uuid": e.TenantUUID, "equipment_uuid": e.EquipmentUUID, "equipment_title": e.EquipmentTitle,
		"equipment_type_title": e.EquipmentTypeTitle, "area_uuid": e.AreaUUID, "area_title": e.AreaTitle, "is_active": e.IsActive, "equipment_parts": parts}
}

func columnsOfDevice(d saveristest.Device) map[string]any {
	var sensors []any
	for _, s := range d.Sensors {
		var channels []any
		for _, c := range s.Channels {
			channels = append(channels, map[string]any{"channel_no": c.ChannelNo, "channel_id": c.ChannelID, "equipment_parts_uuid": c.EquipmentPartsUUID,
				"channel_physical_property_name": c.PropertyName, "channel_physical_extension": c.Extension})
		}
		sensors = append(sensors, map[string]any{"sensor_uuid": s.SensorUUID, "sensor_serial_no": s.SerialNo, "sensor_firmware_version": s.FirmwareVersion,
			"sensor_display_name": s.DisplayName, "sensor_is_connected": s.IsConnected, "channels": channels, "other": map[string]any{"sensor_is_active": d.IsActive}})
	}
	return map[string]any{"tenant_uuid": d.TenantUUID, "customer_site": d.CustomerSite, "device_uuid": d.DeviceUUID, "device_serial_no": d.SerialNo,
		"device_firmware_version": d.FirmwareVersion, "device_display_name": d.DisplayName, "device_is_active": d.IsActive,
		"device_measuring_cycle": d.MeasuringCycle, "equipment_uuid": d.EquipmentUUID, "sensors": sensors}
}

// plainly are columns as JSON reads them.
func plainly(columns map[string]any) (plain map[string]any) {
	text, err := json.Marshal(columns)
	if err == nil {
		err = json.Unmarshal(text, &plain)
	}
	if err != nil {
		panic(err) // they are texts, numbers and lists
	}
	return plain
}

// agrees reports whether a document says what the world does, as far as it says anything: no route has all columns.
func agrees(world, doc any) bool {
	switch w := world.(type) {
	case map[string]any:
		d, is := doc.(map[string]any)
		for name, value := range w {
			if said, there := d[name]; there && said != nil && !agrees(value, said) {
				return false
			}
		}
		return is || doc == nil
	case []any:
		d, is := doc.([]any)
		if !is || len(d) != len(w) {
			return false
		}
		w, d = sorted(w), sorted(d)
		for i := range w {
			if !agrees(w[i], d[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(world, doc)
}

// sorted orders objects by what tells them apart.
func sorted(list []any) []any {
	key := func(v any) string {
		columns, _ := v.(map[string]any)
		for _, name := range []string{"sensor_uuid", "channel_no", "equipment_parts_uuid", "limit_values_uuid"} {
			if id := columns[name]; id != nil {
				text, _ := json.Marshal(id)
				return string(text)
			}
		}
		return ""
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b any) int { return strings.Compare(key(a), key(b)) })
	return list
}
