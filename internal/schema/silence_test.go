package schema

import (
	"bytes"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"saveris-bridge/schemas"
)

func silences() map[string]Silence {
	last, due := time.Date(2026, 7, 1, 10, 15, 0, 0, time.UTC), time.Date(2026, 7, 1, 11, 15, 0, 0, time.UTC)
	sensor := Silence{
		Tenant: "6d1f", Site: "b2c3", Sensor: "5f4e3d2c", Serial: "22011234", Model: "0572 2211", Channel: "1", Names: `{"tenant":null,"site":null,"device":null,"sensor":"Fridge 1","equipment":null,"part":null,"area":null}`,
		LastAt: last, DueAt: due, Cycle: 15 * time.Minute,
	}
	resumed, never := sensor, sensor
	resumed.Resumed, resumed.Missing, resumed.At = true, 7, due.Add(time.Hour)
	never.LastAt, never.Names, never.Model = time.Time{}, "", ""
	return map[string]Silence{
		"saveris.sensor.silent.v1 22011234.1.2026-07-01T10:15:00Z":               sensor,
		"saveris.sensor.resumed.v1 22011234.1.2026-07-01T10:15:00Z.resumed":      resumed,
		"saveris.sensor.silent.v1 22011234.1.never":                              never,
		"saveris.bridge.silent.v1 bridge.readings.2026-07-01T10:15:00Z":          {Feed: Readings, LastAt: last, DueAt: due, Cycle: 5 * time.Minute},
		"saveris.bridge.resumed.v1 bridge.alarms.2026-07-01T10:15:00.5Z.resumed": {Feed: Alarms, Resumed: true, LastAt: last.Add(time.Second / 2), DueAt: due, Cycle: time.Second / 2, At: due},
	}
}

// TestASilenceIsReadAsItWasWritten: in both content modes, with the id and type that the contract gives it.
func TestASilenceIsReadAsItWasWritten(t *testing.T) {
	for want, s := range silences() {
		for _, mode := range []Mode{Binary, Structured} {
			header, body := s.Message(mode, "https://vendor.example", s.DueAt)
			attributes, _, err := Unwrap(header, body)
			if err != nil {
				t.Fatal(err)
			}
			if got := attributes["type"] + " " + attributes["id"]; got != want {
				t.Errorf("%s: got %s, want %s", mode, got, want)
			}
			read, err := ReadSilence(s.Subject("saveris"), header, body)
			if err != nil {
				t.Errorf("%s: %v", want, err)
				continue
			}
			wrote := s
			if wrote.At.IsZero() {
				wrote.At = wrote.DueAt // a silence begins when it is due
			}
			if wrote.Names == "" && wrote.Feed == "" {
				wrote.Names = "null"
			}
			if read.Silence != wrote {
				t.Errorf("%s: read  %+v\nwrote %+v", want, read.Silence, wrote)
			}
		}
	}
}

// TestTheDataOfASilence is literally what the contract says.
func TestTheDataOfASilence(t *testing.T) {
	all := silences()
	for id, want := range map[string]string{
		"saveris.sensor.resumed.v1 22011234.1.2026-07-01T10:15:00Z.resumed": `{"sensor":{"uuid":"5f4e3d2c","serial_no":"22011234","model_code":"0572 2211","channel_no":1},"names":{"tenant":null,"site":null,"device":null,"sensor":"Fridge 1","equipment":null,"part":null,"area":null},` +
			`"last_at":"2026-07-01T10:15:00Z","due_at":"2026-07-01T11:15:00Z","cycle_seconds":900,"missing":7}`,
		"saveris.sensor.silent.v1 22011234.1.never": `{"sensor":{"uuid":"5f4e3d2c","serial_no":"22011234","model_code":null,"channel_no":1},"names":null,` +
			`"last_at":null,"due_at":"2026-07-01T11:15:00Z","cycle_seconds":900}`,
		"saveris.bridge.silent.v1 bridge.readings.2026-07-01T10:15:00Z": `{"feed":"readings","last_at":"2026-07-01T10:15:00Z","due_at":"2026-07-01T11:15:00Z","interval_seconds":300}`,
	} {
		s := all[id]
		if got := string(s.AppendData(nil)); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", id, got, want)
		}
	}
}

// TestWhatIsNoSilenceIsNotRead: another subject, another kind of event, no event.
func TestWhatIsNoSilenceIsNotRead(t *testing.T) {
	s := silences()["saveris.sensor.silent.v1 22011234.1.2026-07-01T10:15:00Z"]
	header, body := s.Message(Binary, "https://vendor.example", s.DueAt)
	change := FleetChange{Kind: KindTenant, Tenant: "6d1f", Key: "6d1f", Document: []byte(`{}`), LookedAt: s.DueAt}
	otherHeader, otherBody := change.Message(Binary, "https://vendor.example", s.DueAt)
	for name, m := range map[string]struct {
		subject string
		header  map[string][]string
		body    []byte
	}{
		"another channel's subject": {"saveris.health.sensor.6d1f.b2c3.22011234.2", header, body},
		"a bridge's subject":        {"saveris.health.bridge.readings", header, body},
		"no subject of health":      {"saveris.readings.live.a", header, body},
		"a change of the fleet":     {s.Subject("saveris"), otherHeader, otherBody},
		"no data":                   {s.Subject("saveris"), header, []byte(`{}`)},
		"no event":                  {s.Subject("saveris"), nil, []byte(`hello`)},
	} {
		if read, err := ReadSilence(m.subject, m.header, m.body); err == nil {
			t.Errorf("%s is read as %+v", name, read)
		}
	}
}

// TestSilencesAreWhatTheSchemasSay: data, headers, and whole events in structured mode.
func TestSilencesAreWhatTheSchemasSay(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range schemas.Names() {
		text, _ := schemas.Get(name)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{"file:///" + name + ".v1.json", "urn:saveris-bridge:" + name + ":v1"} {
			if err := c.AddResource(url, doc); err != nil {
				t.Fatal(err)
			}
		}
	}
	fits := func(schema string, text []byte) {
		t.Helper()
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.MustCompile(schema).Validate(value); err != nil {
			t.Errorf("%s: %v\n%s", schema, err, text)
		}
	}
	for _, s := range silences() {
		header, body := s.Message(Binary, "https://vendor.example", s.DueAt)
		fits("urn:saveris-bridge:"+s.kind()+":v1", body)
		flat := map[string]any{}
		for key, values := range header {
			flat[key] = values[0]
		}
		message := map[string]string{silentSensor: "silentSensor", silentBridge: "silentBridge"}[s.kind()]
		if err := c.MustCompile("file:///asyncapi.v1.json#/components/messages/" + message + "/headers").Validate(flat); err != nil {
			t.Error(err)
		}
		_, body = s.Message(Structured, "https://vendor.example", s.DueAt)
		fits("file:///event.v1.json", body)
	}
}
