package schema

import (
	"maps"
	"testing"
	"time"
)

// TestWhatIsNoChangeOfTheFleetIsRefused, whoever has stored it: who reads the stream understands all that is not.
func TestWhatIsNoChangeOfTheFleetIsRefused(t *testing.T) {
	const whole = `{"tenant_uuid":"t1","device_serial_no":"9","sensors":[{"sensor_uuid":"s","channels":[{"channel_no":1}],"other":{"x":[1]}}],"other":{"y":"z"}}`
	message := func(document string) (map[string][]string, []byte) {
		c := FleetChange{Kind: KindDevice, Tenant: "t1", Key: "9", Document: []byte(document), Changed: []string{"/x"}, LookedAt: time.Unix(0, 0)}
		return c.Message(Binary, "https://vendor", time.Unix(0, 0))
	}
	const subject = "saveris.devices.device.t1.9"
	header, body := message(whole)
	if c, err := ReadFleetChange(subject, header, body); err != nil || c.Key != "9" || c.Kind != KindDevice || c.ID != header["ce-id"][0] || string(c.Document) != whole || len(c.Changed) != 1 || c.Removed || !c.At.Equal(time.Unix(0, 0)) {
		t.Errorf("%+v (%v)", c, err)
	}
	for name, document := range map[string]string{
		"no object":               `5`,
		"nothing":                 `null`,
		"no sensors":              `{"tenant_uuid":"t1"}`,
		"sensors that are none":   `{"tenant_uuid":"t1","sensors":{}}`,
		"a sensor that is none":   `{"tenant_uuid":"t1","sensors":[5]}`,
		"no channels":             `{"tenant_uuid":"t1","sensors":[{}]}`,
		"a channel that is none":  `{"tenant_uuid":"t1","sensors":[{"channels":["1"]}]}`,
		"another tenant":          `{"tenant_uuid":"t2","sensors":[]}`,
		"no tenant":               `{"tenant_uuid":null,"sensors":[]}`,
		"other that is no object": `{"tenant_uuid":"t1","sensors":[],"other":5}`,
		"cut off":                 `{"tenant_uuid":"t1","sensors":[`,
	} {
		header, body := message(document)
		if _, err := ReadFleetChange(subject, header, body); err == nil {
			t.Errorf("%s is taken for a change", name)
		}
	}
	unknown := maps.Clone(header)
	unknown["ce-time"] = []string{"yesterday"}
	if _, err := ReadFleetChange(subject, unknown, body); err == nil {
		t.Error("what says no time is taken for a change")
	}
	for name, body := range map[string]string{
		"names in upper case":       `{"KIND":"device","KEY":"9","document":` + whole + `}`,
		"no document":               `{"kind":"device","key":"9"}`,
		"something behind it":       `{"kind":"device","key":"9","document":` + whole + `} 5`,
		"changed that is no list":   `{"kind":"device","key":"9","document":` + whole + `,"changed":5}`,
		"removed that is no truth":  `{"kind":"device","key":"9","document":` + whole + `,"removed":"yes"}`,
		"another key":               `{"kind":"device","key":"8","document":` + whole + `}`,
		"a list":                    `[]`,
		"nothing":                   ``,
		"a kind that nobody knows":  `{"kind":"x","key":"9","document":` + whole + `}`,
		"what begins like a change": `{"kind":"device","key":"9","document":`,
	} {
		if _, err := ReadFleetChange(subject, header, []byte(body)); err == nil {
			t.Errorf("%s is taken for a change", name)
		}
	}
}
