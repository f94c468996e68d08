package schema

import "strings"

// Names of columns as the vendor has written them: measurements v1 and v2, REST and push; of alarms v1 to v3 the document's
// names, those seen live, and those of push. What v2 has no place for (device_uuid, channel_id, device_serial_no) is unknown.
var (
	readingColumns = squashed(map[string]column{
		"sensor_uuid": colSensor, "channel_no": colChannel, "model_code": colModel, "timestamp": colTime, "timestamp_local": colLocal,
		"measurement": colValue, "measurement_value": colValue,
	})
	alarmColumns = squashed(map[string]column{
		"alarm_reason": colReason, "alarm_status": colStatus, "last_status_change_time": colChanged, "alarm_condition_type": colCondition,
		"alarm_severity": colSeverity, "alarm_time": colTime, "alarm_time_local": colLocal, "alarm_value": colValue,
		"physical_value": colProperty, "physical_value_extension": colExtension,
		"alarm_source_uuid": colSensor, "alarm_type": colKind, "source_alarm_event_uuid": colCause,
	})
	sharedColumns = map[string]column{
		"uuid": colUUID, "tenant_uuid": colTenant, "customer_site": colSite, "customer_site_uuid": colSite,
		"serial_no": colSerial, "serial_number": colSerial, "sensor_serial_no": colSerial,
		"physical_property_name": colProperty, "physical_extension": colExtension, "physical_unit": colUnit, "processed_at": colReceived,
	}
)

// squashed makes the table of a feed by squashed names, the shared ones included.
func squashed(feed map[string]column) map[string]column {
	table := map[string]column{}
	for _, names := range [...]map[string]column{sharedColumns, feed} {
		for name, c := range names {
			table[string(appendSquashed(nil, name))] = c
		}
	}
	return table
}

// appendSquashed appends a name without regard to how it is written: SENSOR_UUID, sensorUuid and " Sensor-UUID" are one, and
// a byte order mark is no part of it.
func appendSquashed(b []byte, name string) []byte {
	for _, c := range []byte(strings.TrimPrefix(name, "\ufeff")) {
		switch {
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case c != '_' && c != '-' && !isBlank(c):
			b = append(b, c)
		}
	}
	return b
}
