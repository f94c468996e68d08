package saveris

import "strings"

// columnNames are the names that the vendor has had for a feed's columns, folded: all versions of the document and what was
// seen live. A feed that is not here has rows of any columns.
var columnNames = map[Feed]map[string]bool{
	Measurements: folds(`uuid sensor_uuid device_uuid channel_no channel_id serial_no device_serial_no sensor_serial_no model_code
		tenant_uuid customer_site customer_site_uuid timestamp timestamp_local measurement measurement_value
		physical_property_name physical_unit physical_extension processed_at`),
	Alarms: folds(`uuid alarm_reason alarm_status last_status_change_time alarm_condition_type alarm_severity alarm_time
		alarm_time_local alarm_value physical_unit physical_value physical_property_name physical_value_extension
		physical_extension alarm_source_uuid serial_no serial_number tenant_uuid customer_site customer_site_uuid alarm_type
		source_alarm_event_uuid processed_at alarm_delay`),
	Tasks: folds(`uuid quality_manual_uuid quality_manual_version_title quality_manual_version_uuid process_control_title
		process_control_uuid process_ctrl_category_title process_ctrl_category_uuid task_title task_uuid task_execution_uuid task_type
		has_corrective_action task_status shift_uuid shift_begin shift_end task_timestamp_start task_timestamp_end tenant_uuid site_name
		site_number app_version serial_no_tablet process_step_instructions process_step_corrective_action marked_as_deleted username
		user_uuid process_step_type process_step_uuid sequence_no timestamp alarm_log_uuid content parameters context processed_at`),
	Tenants: folds(`tenant_uuid parent_uuid is_operator organisation_name organisation_id organisation_email country main_timezone
		main_language register_time`),
	Locations: folds(`tenant_uuid location_uuid parent_uuid name location_type parent_location_type location_subtype valid_from last_modified_at`),
	Equipments: folds(`tenant_uuid equipment_parts_uuid equipment_parts_title equipment_uuid equipment_title equipment_type_uuid
		equipment_type_title equipment_parts_purpose_uuid equipment_parts_purpose_title area_uuid area_title processed_at last_modified_at
		is_active limit_values_uuid door_contact_delay_in_ms alarm_delay display_unit lower_violation lower_warning upper_violation
		upper_warning measuring_rate valid_from_time valid_until_time`),
	DeviceProperties: folds(`tenant_uuid customer_site customer_site_uuid device_uuid device_category device_serial_no device_model_code
		device_firmware_version device_display_name sensor_uuid sensor_serial_no sensor_model_code sensor_firmware_version
		sensor_display_name channel_id channel_no channel_physical_unit physical_unit channel_physical_property_name
		physical_property_name`),
	DeviceStatus: folds(`device_uuid tenant_uuid customer_site serial_no model_code production_date connection_type battery_level_percent
		radio_level_percent fw_version is_powersupply_on last_communication last_communication_time processed_at`),
	SensorStatus: folds(`sensor_uuid tenant_uuid customer_site serial_no model_code production_date battery_level_percent
		radio_level_percent fw_version last_communication last_communication_time processed_at`),
	MeasuringObjects: folds(`customer_uuid mo_uuid measuring_object_uuid product_family_id customer_site version_timestamp
		measurement_alarm_configuration channel_assignments measuring_instructions valid_from`),
}

func folds(names string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(names) {
		set[fold(name)] = true
	}
	return set
}

// fewestColumns is how many columns of the feed make a row of it. One alone, a timestamp above all, many an error message
// has as well.
const fewestColumns = 2

// Of reports whether the row could be taken apart and has columns of the feed, whatever is in them.
func (r *Row) Of(feed Feed) bool {
	return r.Err == nil && hasColumns(r.Fields, columnNames[feed])
}

// hasColumns reports whether fields are a row of a feed with these columns; nil is any feed. No column holds objects or lists:
// where they do, the names stand around something else.
func hasColumns(fields []Field, names map[string]bool) bool {
	found := 0
	for i := range fields {
		if names == nil || fields[i].Kind != Nested && names[fold(fields[i].Name)] {
			if found++; found == fewestColumns {
				return true
			}
		}
	}
	return names == nil
}
