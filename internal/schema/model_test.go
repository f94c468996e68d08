package schema

import "github.com/go-json-experiment/json/jsontext"

// readingData is the data of a reading: the definition that the fast path is held against. A nil pointer is null.
type readingData struct {
	UUID            *string        `json:"uuid"`
	Tenant          *string        `json:"tenant"`
	Site            *string        `json:"site"`
	Sensor          sensorData     `json:"sensor"`
	Quantity        *string        `json:"quantity"`
	Property        *string        `json:"property"`
	Extension       *string        `json:"extension"`
	Value           jsontext.Value `json:"value"`
	Unit            *string        `json:"unit"`
	VendorUnit      *string        `json:"vendor_unit"`
	MeasuredAt      string         `json:"measured_at"`
	MeasuredAtLocal *string        `json:"measured_at_local"`
	ReceivedAt      *string        `json:"received_at"`
	Names           *namesData     `json:"names"`
	Limits          *limitsData    `json:"limits"`
	Other           jsontext.Value `json:"other,omitzero"`
}

type sensorData struct {
	UUID      *string        `json:"uuid"`
	SerialNo  *string        `json:"serial_no"`
	ModelCode *string        `json:"model_code"`
	ChannelNo jsontext.Value `json:"channel_no"`
}

// alarmData is the data of an alarm.
type alarmData struct {
	UUID             *string         `json:"uuid"`
	Tenant           *string         `json:"tenant"`
	Site             *string         `json:"site"`
	State            string          `json:"state"`
	Severity         string          `json:"severity"`
	Status           *string         `json:"status"`
	Kind             *string         `json:"kind"`
	Condition        *string         `json:"condition"`
	Reason           *string         `json:"reason"`
	Sensor           alarmSensorData `json:"sensor"`
	AlarmSource      *string         `json:"alarm_source"`
	SourceAlarmEvent *string         `json:"source_alarm_event"`
	Quantity         *string         `json:"quantity"`
	Property         *string         `json:"property"`
	Extension        *string         `json:"extension"`
	Value            jsontext.Value  `json:"value"`
	Unit             *string         `json:"unit"`
	VendorUnit       *string         `json:"vendor_unit"`
	RaisedAt         string          `json:"raised_at"`
	RaisedAtLocal    *string         `json:"raised_at_local"`
	StatusChangedAt  *string         `json:"status_changed_at"`
	ReceivedAt       *string         `json:"received_at"`
	Names            *namesData      `json:"names"`
	Limits           *limitsData     `json:"limits"`
	Other            jsontext.Value  `json:"other,omitzero"`
}

type alarmSensorData struct {
	SerialNo *string `json:"serial_no"`
}

// taskData is the data of a step of an executed task.
type taskData struct {
	UUID                        *string        `json:"uuid"`
	QualityManualUUID           *string        `json:"quality_manual_uuid"`
	QualityManualVersionTitle   *string        `json:"quality_manual_version_title"`
	QualityManualVersionUUID    *string        `json:"quality_manual_version_uuid"`
	ProcessControlTitle         *string        `json:"process_control_title"`
	ProcessControlUUID          *string        `json:"process_control_uuid"`
	ProcessCtrlCategoryTitle    *string        `json:"process_ctrl_category_title"`
	ProcessCtrlCategoryUUID     *string        `json:"process_ctrl_category_uuid"`
	TaskTitle                   *string        `json:"task_title"`
	TaskUUID                    *string        `json:"task_uuid"`
	TaskExecutionUUID           *string        `json:"task_execution_uuid"`
	TaskType                    *string        `json:"task_type"`
	HasCorrectiveAction         *bool          `json:"has_corrective_action"`
	TaskStatus                  *string        `json:"task_status"`
	ShiftUUID                   *string        `json:"shift_uuid"`
	ShiftBegin                  *string        `json:"shift_begin"`
	ShiftEnd                    *string        `json:"shift_end"`
	TaskTimestampStart          *string        `json:"task_timestamp_start"`
	TaskTimestampEnd            *string        `json:"task_timestamp_end"`
	TenantUUID                  *string        `json:"tenant_uuid"`
	SiteName                    *string        `json:"site_name"`
	SiteNumber                  *string        `json:"site_number"`
	AppVersion                  *string        `json:"app_version"`
	SerialNoTablet              *string        `json:"serial_no_tablet"`
	ProcessStepInstructions     *string        `json:"process_step_instructions"`
	ProcessStepCorrectiveAction *string        `json:"process_step_corrective_action"`
	MarkedAsDeleted             *bool          `json:"marked_as_deleted"`
	Username                    *string        `json:"username"`
	UserUUID                    *string        `json:"user_uuid"`
	ProcessStepType             *string        `json:"process_step_type"`
	ProcessStepUUID             *string        `json:"process_step_uuid"`
	SequenceNo                  jsontext.Value `json:"sequence_no"`
	Timestamp                   *string        `json:"timestamp"`
	AlarmLogUUID                *string        `json:"alarm_log_uuid"`
	Content                     *string        `json:"content"`
	Parameters                  jsontext.Value `json:"parameters"`
	Context                     jsontext.Value `json:"context"`
	ProcessedAt                 *string        `json:"processed_at"`
	Other                       jsontext.Value `json:"other,omitzero"`
}

// namesData is what people call a place.
type namesData struct {
	Tenant    *string `json:"tenant"`
	Site      *string `json:"site"`
	Device    *string `json:"device"`
	Sensor    *string `json:"sensor"`
	Equipment *string `json:"equipment"`
	Part      *string `json:"part"`
	Area      *string `json:"area"`
}

// limitsData is limits in the unit of the event.
type limitsData struct {
	LowerViolation jsontext.Value `json:"lower_violation"`
	LowerWarning   jsontext.Value `json:"lower_warning"`
	UpperWarning   jsontext.Value `json:"upper_warning"`
	UpperViolation jsontext.Value `json:"upper_violation"`
}
