package schemas

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// examples are valid, and use every field.
var examples = map[string]string{
	"reading": `{"uuid":"c1","tenant":"6d","site":"b2","sensor":{"uuid":"5f","serial_no":"22011234","model_code":"0572 2211","channel_no":1},"quantity":"air_temperature","property":"Temperature",
		"extension":"Air Temperature","value":4.7,"unit":"Cel","vendor_unit":"CELSIUS","measured_at":"2026-07-01T10:15:00Z","measured_at_local":"2026-07-01T12:15:00Z","received_at":"2026-07-01T10:15:42.5Z",
		"names":{"tenant":"Restaurant Musterstadt","site":"Musterstadt","device":"Logger 3","sensor":"Fridge 1, air","equipment":"Fridge 1","part":"Inside","area":"Kitchen"},
		"limits":{"lower_violation":0,"lower_warning":2,"upper_warning":7,"upper_violation":8.5},
		"other":{"device_uuid":"0a"}}`,
	"alarm": `{"uuid":"d2","tenant":"6d","site":"b2","state":"raised","severity":"warning","status":"Alarm","kind":"measurement alarm","condition":"Upper limit","reason":"Alarm condition is violated",
		"sensor":{"serial_no":"22011234"},"alarm_source":"5f","source_alarm_event":"f4","quantity":"air_temperature","property":"Temperature","extension":"Air Temperature","value":9.3,"unit":"Cel","vendor_unit":"°C",
		"raised_at":"2026-07-01T10:30:00Z","raised_at_local":"2026-07-01T12:30:00Z","status_changed_at":"2026-07-01T10:30:00Z","received_at":"2026-07-01T10:30:12Z",
		"names":{"tenant":"Restaurant Musterstadt","site":"Musterstadt","device":"Logger 3","sensor":"Fridge 1, air","equipment":"Fridge 1","part":"Inside","area":"Kitchen"},
		"limits":{"lower_violation":0,"lower_warning":2,"upper_warning":7,"upper_violation":8.5},"other":{"alarm_delay":"300000"}}`,
	"task": `{"uuid":"a5","quality_manual_uuid":"b6","quality_manual_version_title":"HACCP Manual 2026","quality_manual_version_uuid":"c7","process_control_title":"Incoming goods inspection",
		"process_control_uuid":"d8","process_ctrl_category_title":"Stationary monitoring","process_ctrl_category_uuid":"e9","task_title":"Check fridge temperature","task_uuid":"f0","task_execution_uuid":"a1",
		"task_type":"PLANNED","has_corrective_action":false,"task_status":"FINISHED","shift_uuid":"b2","shift_begin":"2026-07-01T06:00:00Z","shift_end":"2026-07-01T14:00:00Z",
		"task_timestamp_start":"2026-07-01T08:00:00Z","task_timestamp_end":"2026-07-01T08:05:30Z","tenant_uuid":"6d","site_name":"Restaurant Musterstadt","site_number":"R-0815","app_version":"3.4.1",
		"serial_no_tablet":"T-52034711","process_step_instructions":"Measure.","process_step_corrective_action":"false","marked_as_deleted":false,"username":"j.doe","user_uuid":"e3",
		"process_step_type":"input number","process_step_uuid":"c3","sequence_no":1,"timestamp":"2026-07-01T08:02:10Z","alarm_log_uuid":"d2","content":"4.7","parameters":{"unit":"CELSIUS"},"context":"the fridge",
		"processed_at":"2026-07-01T08:06:00Z","other":{"signal_quality":"GOOD"}}`,
	"rejected": `{"feed":"alarms","reason":"no alarm_time","row":"{}","window":{"from":"2026-07-01T00:00:00Z","until":"2026-07-02T00:00:00Z"}}`,
	"checkpoint": `{"version":1,"feed":"readings","day":"2026-11-23","covered":[{"from":"2026-11-23T00:00:00Z","until":"2026-11-24T00:00:00Z","read_at":"2026-11-24T00:05:00.5Z","route":"sync"}],
		"rows":2,"digest":"0123456789abcdef0123456789abcdef","batch":"B","writer":"w","account":"0123456789abcdef","since":"2026-11-22T00:00:00Z"}`,
	"backfill": `{"id":"20261101T000000Z-20261102T000000Z","phase":"failed","feeds":["readings"],"from":"2026-11-01T00:00:00Z","until":"2026-11-02T00:00:00Z","worker":"w/1",
		"started_at":"2026-11-24T00:00:00Z","reread":false,"windows":2,"rows":3,"stored":1,"rows_per_second":4.5,"covered":0.5,"eta_seconds":12,"error":"no luck"}`,
	"sensor": `{"sensor":{"uuid":"5f","serial_no":"22011234","model_code":"0572 2211","channel_no":1},
		"names":{"tenant":"Restaurant Musterstadt","site":"Musterstadt","device":"Logger 3","sensor":"Fridge 1, air","equipment":"Fridge 1","part":"Inside","area":"Kitchen"},
		"last_at":"2026-07-01T10:15:00Z","due_at":"2026-07-01T11:15:00Z","cycle_seconds":900,"missing":7}`,
	"bridge": `{"feed":"readings","last_at":"2026-07-01T10:15:00.123Z","due_at":"2026-07-01T10:30:00.123Z","interval_seconds":300}`,
}

// structured is a valid event in structured mode, and uses every attribute.
const structured = `{"specversion":"1.0","id":"f4.ok.20260701T103000Z~01234567","source":"https://vendor/tenants/6d","type":"saveris.alarm.cleared.v1","subject":"22011234","time":"2026-07-01T10:30:00Z",
	"datacontenttype":"application/json","dataschema":"urn:saveris-bridge:alarm:v1","recordedtime":"2026-07-01T10:31:00.5Z","partitionkey":"5f","lane":"live","revises":"f4.ok.20260701T103000Z","causationid":"0f","data":`

func init() { examples["event"] = structured + examples["alarm"] + "}" }

// optional lists the fields that may be absent.
var optional = []string{"other", "missing", "since", "partitionkey", "revises", "causationid"}

func TestSchemasAreStrict(t *testing.T) {
	for name, example := range examples {
		schema := compile(t, name)
		if err := validate(t, schema, example); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, spoilt := range spoil(t, example) {
			if err := validate(t, schema, spoilt); err == nil {
				t.Errorf("%s takes %s", name, spoilt)
			}
		}
	}
}

// spoil returns the example with a field too many, and with each field in turn left out, or with a value of a wrong kind.
func spoil(t *testing.T, example string) []string {
	t.Helper()
	var all []string
	var walk func(object map[string]any, root any)
	walk = func(object map[string]any, root any) {
		write := func() {
			b, err := json.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(b))
		}
		object["unheard_of"] = 1
		write()
		delete(object, "unheard_of")
		for _, key := range slices.Collect(maps.Keys(object)) {
			value := object[key]
			if delete(object, key); !slices.Contains(optional, key) {
				write()
			}
			for _, wrong := range []any{"", []any{"x"}, true} {
				free := (key == "parameters" || key == "context") && wrong != ""
				flag := slices.Contains([]string{"reread", "has_corrective_action", "marked_as_deleted"}, key) && wrong == true
				if object[key] = wrong; !((key == "row" || key == "writer") && wrong == "" || flag || free) {
					write()
				}
			}
			object[key] = value
			if inner, ok := value.(map[string]any); ok && key != "other" && key != "parameters" {
				walk(inner, root)
			}
		}
	}
	var root map[string]any
	if err := json.Unmarshal([]byte(example), &root); err != nil {
		t.Fatal(err)
	}
	walk(root, root)
	return all
}

func TestSchemasRefuse(t *testing.T) {
	for _, c := range []struct{ name, old, new string }{
		{"reading", `10:15:00Z`, `10:15:00+00:00`},
		{"reading", `2026-07-01T10:15:42.5Z`, `2026-02-30T10:15:42.5Z`},
		{"reading", `"Cel"`, `"C"`},
		{"reading", `air_temperature`, `Air Temperature`},
		{"reading", `"channel_no":1`, `"channel_no":1.5`},
		{"reading", `{"device_uuid":"0a"}`, `{}`},
		{"reading", `"lower_warning":2`, `"lower_warning":"2"`},
		{"alarm", `"area":"Kitchen"`, `"area":1`},
		{"alarm", `"raised"`, `"Alarm"`},
		{"alarm", `"warning"`, `null`},
		{"rejected", `alarms`, `devices`},
		{"checkpoint", `"2026-11-23"`, `"2026-11-31"`},
		{"checkpoint", `"2026-11-23"`, `"rejected"`},
		{"checkpoint", `"version":1`, `"version":2`},
		{"checkpoint", `"sync"`, `"push"`},
		{"checkpoint", `"account":"0123456789abcdef"`, `"account":"ada@example.com"`},
		{"checkpoint", `"route":"sync"`, `"route":"sync","by":"x"`},
		{"checkpoint", `0123456789abcdef`, `0123456789ABCDEF`},
		{"checkpoint", `"rows":2`, `"rows":-1`},
	} {
		spoilt := strings.Replace(examples[c.name], c.old, c.new, 1)
		if err := validate(t, compile(t, c.name), spoilt); err == nil || spoilt == examples[c.name] {
			t.Errorf("%s takes %s instead of %s", c.name, c.new, c.old)
		}
	}
	reading := strings.NewReplacer("saveris.alarm.cleared", "saveris.reading", "bridge:alarm", "bridge:reading", `,"causationid":"0f"`, "").Replace(structured)
	garbage := strings.NewReplacer("saveris.alarm.cleared", "saveris.row.rejected", "bridge:alarm", "bridge:rejected", "22011234", "alarms", `,"causationid":"0f"`, "", `"partitionkey":"5f","lane":"live",`, "").Replace(structured)
	for text, good := range map[string]bool{
		reading + examples["reading"] + "}": true, garbage + examples["rejected"] + "}": true, reading + examples["alarm"] + "}": false, garbage + examples["reading"] + "}": false, structured + examples["reading"] + "}": false,
		strings.Replace(reading, `"lane"`, `"causationid":"0f","lane"`, 1) + examples["reading"] + "}": false, strings.Replace(garbage, `"data"`, `"lane":"live","data"`, 1) + examples["rejected"] + "}": false,
	} {
		if err := validate(t, compile(t, "event"), text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
	empty := `{"version":1,"feed":"alarms","day":"rejected","covered":[],"rows":0,"digest":"00000000000000000000000000000000","batch":"B","writer":"","account":"0123456789abcdef"}`
	if err := validate(t, compile(t, "checkpoint"), empty); err != nil {
		t.Error(err)
	}
}

func TestNamesAreWhatGetKnows(t *testing.T) {
	for _, name := range Names() {
		text, ok := Get(name)
		var doc map[string]any
		if err := json.Unmarshal(text, &doc); !ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		if urn := "urn:saveris-bridge:" + name + ":v1"; name != "asyncapi" && doc["$id"] != urn {
			t.Errorf("%s: $id is %v, expected %s", name, doc["$id"], urn)
		}
	}
	if _, ok := Get("reading.v1.json"); ok {
		t.Error("a file name is no name")
	}
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, _ := Get(name)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, other := range Names() { // events in structured mode hold their data
		text, _ := Get(other)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = c.AddResource("urn:saveris-bridge:"+other+":v1", doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.AddResource("file:///"+name, doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("file:///" + name)
}

func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}
