// Package schemas holds the public contract in machine-readable form: the JSON Schemas (2020-12) of the events' data, those of the fleet and of silence included, of whole
// events in structured mode and of checkpoint records, and an AsyncAPI 3.0 document of the subjects, messages and headers.
package schemas

import "embed"

//go:embed *.json
var files embed.FS

// names lists the documents in the order of importance, with their files.
var names = []struct{ name, file string }{
	{"reading", "reading.v1.json"},
	{"alarm", "alarm.v1.json"},
	{"task", "task.v1.json"},
	{"rejected", "rejected.v1.json"},
	{"event", "event.v1.json"},
	{"checkpoint", "checkpoint.v1.json"},
	{"backfill", "backfill.v1.json"},
	{"tenant", "tenant.v1.json"},
	{"location", "location.v1.json"},
	{"equipment", "equipment.v1.json"},
	{"device", "device.v1.json"},
	{"device_status", "device_status.v1.json"},
	{"sensor_status", "sensor_status.v1.json"},
	{"measuring_object", "measuring_object.v1.json"},
	{"sensor", "sensor.v1.json"},
	{"bridge", "bridge.v1.json"},
	{"asyncapi", "asyncapi.json"},
}

// Names lists the documents that Get knows.
func Names() []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = n.name
	}
	return all
}

// Get returns a document's JSON text, which is the caller's own. It says no to a name that Names does not list.
func Get(name string) ([]byte, bool) {
	for _, n := range names {
		if n.name == name {
			text, err := files.ReadFile(n.file)
			return text, err == nil
		}
	}
	return nil, false
}
