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
