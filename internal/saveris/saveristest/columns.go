package saveristest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// cell is one column of one row, on its way into a file.
type cell struct {
	name string
	text string
	kind cellKind
}

type cellKind byte

const (
	cellText   cellKind = iota // empty text is a null
	cellEmpty                  // text that is empty, not null
	cellNumber                 // literal
	cellTime                   // text in the form of stamp
	cellBool                   // true or false
	cellArray                  // an array of strings, as JSON has it
)

func (c cell) null() bool { return c.text == "" && c.kind != cellEmpty }

// Columns in the order of the document (8.1, 9, 8.3, 8.2). Alarms have two spellings.
var (
	columnsV2    = strings.Fields("uuid sensor_uuid channel_no serial_no model_code tenant_uuid customer_site timestamp timestamp_local measurement physical_property_name physical_unit physical_extension processed_at")
	columnsV1    = strings.Fields("uuid sensor_uuid device_uuid channel_id device_serial_no sensor_serial_no tenant_uuid customer_site_uuid timestamp timestamp_local measurement_value physical_property_name physical_unit physical_extension processed_at")
	columnsTask  = strings.Fields("uuid quality_manual_uuid quality_manual_version_title quality_manual_version_uuid process_control_title process_control_uuid process_ctrl_category_title process_ctrl_category_uuid task_title task_uuid task_execution_uuid task_type has_corrective_action task_status shift_uuid shift_begin shift_end task_timestamp_start task_timestamp_end tenant_uuid site_name site_number app_version serial_no_tablet process_step_instructions process_step_corrective_action marked_as_deleted username user_uuid process_step_type process_step_uuid sequence_no timestamp alarm_log_uuid content parameters context processed_at")
	columnsAlarm = strings.Fields("uuid alarm_reason alarm_status last_status_change_time alarm_condition_type alarm_severity alarm_time alarm_time_local alarm_value physical_unit physical_property_name physical_extension alarm_source_uuid serial_no tenant_uuid customer_site alarm_type source_alarm_event_uuid processed_at")
)

// documentNames are the three alarm columns that the document names differently (8.1 of the behaviour notes).
var documentNames = map[string]string{
	"physical_property_name": "physical_value",
	"physical_extension":     "physical_value_extension",
	"customer_site":          "customer_site_uuid",
}

// table turns rows into cells: which columns, in which order.
type table struct {
	sw      *Switches
	version int
	names   []string // as they stand in the file
	pick    []int    // column numbers under $select, nil = all
	scratch []cell
	nested  map[conditionKey]string
}

func measurementTable(sw *Switches, version int, choice []string) *table {
	names := columnsV2
	if version == 1 {
		names = columnsV1
	}
	if sw.RowsMissing == "on" && version != 1 {
		names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "model_code" })
	}
	return newTable(sw, version, names, choice)
}

func alarmTable(sw *Switches, choice []string) *table {
	names := slices.Clone(columnsAlarm)
	for i, n := range names {
		if doc := documentNames[n]; doc != "" && sw.AlarmNames == "document" {
			names[i] = doc
		}
	}
	if sw.RowsMissing == "on" {
		names = slices.DeleteFunc(names, func(n string) bool { return n == "alarm_time_local" })
	}
	return newTable(sw, 3, names, choice)
}

// tableOf is the table of a feed.
func tableOf(sw *Switches, feed string, version int, choice []string) *table {
	switch feed {
	case FeedMeasurements:
		return measurementTable(sw, version, choice)
	case FeedAlarms:
		return alarmTable(sw, choice)
	case FeedTasks:
		return newTable(sw, version, columnsTask, choice)
	}
	return newTable(sw, version, fleetColumns(sw, feed, version), choice)
}

func newTable(sw *Switches, version int, names, choice []string) *table {
	if sw.RowsExtra == "on" {
		names = append(slices.Clone(names), "signal_quality")
	}
	t := &table{sw: sw, version: version, names: names}
	if len(choice) == 0 {
		return t
	}
	t.names = nil
	for _, c := range choice {
		if i := slices.Index(names, liveOrDocument(c, names)); i >= 0 && !slices.Contains(t.pick, i) {
			t.pick = append(t.pick, i)
		}
	}
	if sw.SelectOrder == "schema" {
		slices.Sort(t.pick)
	}
	for _, i := range t.pick {
		t.names = append(t.names, names[i])
	}
	return t
}

// liveOrDocument finds the spelling of a column that names has.
func liveOrDocument(name string, names []string) string {
	if slices.Contains(names, name) {
		return name
	}
	for live, doc := range documentNames {
		if name == live {
			return doc
		}
		if name == doc {
			return live
		}
	}
	return name
}

// finish drops what is not asked for and names the cells.
func (t *table) finish(cells []cell) []cell {
	if t.sw.RowsExtra == "on" {
		cells = append(cells, cell{text: "GOOD"})
	}
	if t.pick != nil {
		picked := make([]cell, 0, len(t.pick))
		for _, i := range t.pick {
			picked = append(picked, cells[i])
		}
		cells = picked
	}
	for i := range cells {
		cells[i].name = t.names[i]
	}
	return cells
}

// measurement returns the cells of m; they are valid until the next call.
func (t *table) measurement(m *Measurement) []cell {
	c := t.scratch[:0]
	at, processed := formatTime(m.Timestamp), formatTime(m.ProcessedAt)
	if t.version == 1 {
		c = append(c, cell{text: m.UUID}, cell{text: m.SensorUUID}, cell{text: m.DeviceUUID}, number(m.ChannelID),
			cell{text: m.DeviceSerialNo}, cell{text: m.SerialNo})
	} else {
		c = append(c, cell{text: m.UUID}, cell{text: m.SensorUUID}, number(int64(m.ChannelNo)), cell{text: m.SerialNo})
		if t.sw.RowsMissing != "on" {
			c = append(c, cell{text: m.ModelCode})
		}
	}
	c = append(c, cell{text: m.TenantUUID}, cell{text: m.CustomerSite}, cell{text: at, kind: cellTime},
		cell{text: m.TimestampLocal, kind: cellTime}, cell{text: m.Measurement, kind: cellNumber},
		cell{text: m.PhysicalPropertyName}, cell{text: m.PhysicalUnit}, cell{text: m.PhysicalExtension},
		cell{text: processed, kind: cellTime})
	t.scratch = c[:0]
	return t.finish(c)
}

// alarm returns the cells of a; they are valid until the next call.
func (t *table) alarm(a *Alarm) []cell {
	value, source := cell{text: a.AlarmValue}, cell{text: a.AlarmSourceUUID}
	if t.sw.AlarmValue == "number" {
		value.kind = cellNumber
	}
	if a.AlarmSourceUUID == "" && t.sw.AlarmSourceUUID == "empty" {
		source.kind = cellEmpty
	}
	kind := a.AlarmType
	if kind == typeMeasuring {
		kind = t.sw.AlarmTypeText
	}
	c := append(t.scratch[:0], cell{text: a.UUID}, cell{text: a.AlarmReason}, cell{text: a.AlarmStatus},
		moment(a.LastStatusChangeTime), cell{text: a.AlarmConditionType}, cell{text: a.AlarmSeverity}, moment(a.AlarmTime))
	if t.sw.RowsMissing != "on" {
		c = append(c, cell{text: a.AlarmTimeLocal, kind: cellTime})
	}
	c = append(c, value, cell{text: a.PhysicalUnit}, cell{text: a.PhysicalPropertyName}, cell{text: a.PhysicalExtension},
		source, cell{text: a.SerialNo}, cell{text: a.TenantUUID}, cell{text: a.CustomerSite}, cell{text: kind},
		cell{text: a.SourceAlarmEventUUID}, moment(a.ProcessedAt))
	t.scratch = c[:0]
	return t.finish(c)
}

func moment(t time.Time) cell { return cell{text: formatTime(t), kind: cellTime} }

func number(n int64) cell {
	if n == 0 {
		return cell{kind: cellNumber}
	}
	return cell{text: strconv.FormatInt(n, 10), kind: cellNumber}
}
