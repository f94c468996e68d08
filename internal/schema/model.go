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

// rejectedData is the data of a rejected row.
type rejectedData struct {
	Feed   Feed       `json:"feed"`
	Reason string     `json:"reason"`
	Row    string     `json:"row"`
	Window windowData `json:"window"`
}

type windowData struct {
	From  string `json:"from"`
	Until string `json:"until"`
}
