package schema

import "cmp"

// PlaceNames is the field names of a stored event. What is not known is empty, all of it in events from before the field.
type PlaceNames struct {
	Tenant    string `json:"tenant"`
	Site      string `json:"site"`
	Device    string `json:"device"`
	Sensor    string `json:"sensor"`
	Equipment string `json:"equipment"`
	Part      string `json:"part"`
	Area      string `json:"area"`
}

// Label is what people call the place: the equipment and its part, else the sensor, else the device; empty where none has a name.
func (n PlaceNames) Label() string {
	if n.Equipment != "" && n.Part != "" {
		return n.Equipment + ", " + n.Part
	}
	return cmp.Or(n.Equipment, n.Sensor, n.Device)
}
