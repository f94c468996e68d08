package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// past is a history whose changes a test makes, an hour after each other.
type past struct {
	*testing.T
	*History
	hour int
}

func newPast(t *testing.T, from int) *past { return &past{t, NewHistory(hourly(from), hourly(10)), 0} }

func hourly(n int) time.Time { return time.Date(2026, 7, 1, n, 0, 0, 0, time.UTC) }

// take takes changes over that were seen in one look. Each is a kind and a document, of what is removed with a minus before the kind.
func (p *past) take(changes ...string) {
	p.Helper()
	for _, c := range changes {
		kind, document, _ := strings.Cut(c, " ")
		kind, removed := strings.CutPrefix(kind, "-")
		data := fmt.Sprintf(`{"kind":"%s","key":"k","document":%s,"removed":%v}`, kind, document, removed)
		if err := p.Take([]byte(data), hourly(p.hour)); err != nil {
			p.Fatal(err)
		}
	}
	p.hour++
}

// text is what has been in force for each channel.
func (p *past) text() string {
	p.Helper()
	var all []string
	for _, c := range p.Channels() {
		text := c.Serial + "/" + c.No + " in " + c.Tenant
		for _, period := range c.Periods {
			text += fmt.Sprintf("; %d: ", period.From.Hour())
			if period.Off {
				text += "off "
			}
			text += period.Cycle.String()
			if limits := period.Place.Limits(hourly(4), "Cel"); limits != "null" {
				text += " " + limits[strings.LastIndex(limits, ":")+1:len(limits)-1]
			}
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

func deviceOf(tenant, cycle string) string {
	return `device {"tenant_uuid":"` + tenant + `","device_uuid":"d1","device_display_name":"Fridge","device_measuring_cycle":` + cycle + `,"equipment_uuid":"e1","sensors":[{"sensor_uuid":"s1","sensor_serial_no":"200",` +
		`"channels":[{"channel_no":1,"channel_physical_unit":"°C","channel_physical_property_name":"Temperature","channel_physical_extension":"Air Temperature","equipment_parts_uuid":"p1"}]}]}`
}

func equipmentOf(upper, from string) string {
	return `equipment {"tenant_uuid":"t1","equipment_uuid":"e1","equipment_title":"Fridge 1","equipment_parts":[{"equipment_parts_uuid":"p1","alarm_configurations":[` +
		`{"limit_values_uuid":"l1","display_unit":"celsius","upper_violation":` + upper + `,"valid_from_time":` + from + `,"valid_until_time":86400000}]}]}`
}

// TestWhatWasInForce: the hour from which on something was, the cycle, and the upper limit at four o'clock.
func TestWhatWasInForce(t *testing.T) {
	const tenant = `tenant {"tenant_uuid":"t1","organisation_name":"Chain","main_timezone":`
	fridge := deviceOf("t1", "60000")
	for name, x := range map[string]struct {
		from  int // what was before is of no interest
		looks [][]string
		want  string
	}{
		"nothing changes":              {0, [][]string{{fridge}, {fridge}}, "200/1 in t1; 0: 1m0s"},
		"a name is no period":          {0, [][]string{{fridge}, {strings.Replace(fridge, "Fridge", "Freezer", 1)}}, "200/1 in t1; 0: 1m0s"},
		"another cycle":                {0, [][]string{{fridge}, {deviceOf("t1", "120000")}}, "200/1 in t1; 0: 1m0s; 1: 2m0s"},
		"switched off and on":          {0, [][]string{{fridge}, {strings.Replace(fridge, `"device_uuid"`, `"device_is_active":false,"device_uuid"`, 1)}, {fridge}}, "200/1 in t1; 0: 1m0s; 1: off 1m0s; 2: 1m0s"},
		"retired":                      {0, [][]string{{fridge}, {"-" + fridge}}, "200/1 in t1; 0: 1m0s; 1: off 1m0s"},
		"retired, and back":            {0, [][]string{{fridge}, {"-" + fridge}, {fridge}}, "200/1 in t1; 0: 1m0s; 1: off 1m0s; 2: 1m0s"},
		"the sensor was taken out":     {0, [][]string{{fridge}, {`device {"tenant_uuid":"t1","device_uuid":"d1","sensors":[]}`}}, "200/1 in t1; 0: 1m0s; 1: off 1m0s"},
		"moved to another tenant":      {0, [][]string{{fridge}, {"-" + fridge, deviceOf("t2", "60000")}}, "200/1 in t2; 0: 1m0s"},
		"moved, and gone a look later": {0, [][]string{{fridge}, {deviceOf("t2", "60000")}, {"-" + fridge}, {equipmentOf("7", "0")}}, "200/1 in t2; 0: 1m0s; 3: 1m0s 7"},
		"limits, then others":          {0, [][]string{{equipmentOf("7", "0"), fridge}, {equipmentOf("8", "0")}, {"-" + equipmentOf("8", "0")}}, "200/1 in t1; 0: 1m0s 7; 1: 1m0s 8; 2: 1m0s"},
		"limits come later":            {0, [][]string{{fridge}, {equipmentOf("7", "0")}}, "200/1 in t1; 0: 1m0s; 1: 1m0s 7"},
		"limits from six in Berlin on": {0, [][]string{{tenant + `"UTC"}`, equipmentOf("7", "21600000"), fridge}, {tenant + `"Europe/Berlin"}`}}, "200/1 in t1; 0: 1m0s; 1: 1m0s 7"},
		"what was before is dropped":   {2, [][]string{{fridge}, {deviceOf("t1", "120000")}, {deviceOf("t1", "180000")}, {fridge}}, "200/1 in t1; 2: 3m0s; 3: 1m0s"},
		"before, and still":            {2, [][]string{{fridge}, {deviceOf("t1", "120000")}}, "200/1 in t1; 1: 2m0s"},
	} {
		p := newPast(t, x.from)
		for _, look := range x.looks {
			p.take(look...)
		}
		if got := p.text(); got != x.want {
			t.Errorf("%s: %s, want %s", name, got, x.want)
		}
	}
}

// TestAChannelOfTwoDevicesIsOnAsLongAsItIsInOneOfThem: while a sensor goes from one logger to another the fleet has it twice, and either
// may change.
func TestAChannelOfTwoDevicesIsOnAsLongAsItIsInOneOfThem(t *testing.T) {
	off := func(device string) string {
		return strings.Replace(device, `"device_uuid"`, `"device_is_active":false,"device_uuid"`, 1)
	}
	from, to := deviceOf("t1", "60000"), deviceOf("t2", "60000")
	for name, x := range map[string]struct {
		looks [][]string
		want  string
	}{
		"the old one is switched off behind it": {[][]string{{from}, {to, off(from)}}, "200/1 in t2; 0: 1m0s"},
		"a look later":                          {[][]string{{from}, {to}, {off(from)}, {"-" + from}}, "200/1 in t2; 0: 1m0s"},
		"and back":                              {[][]string{{from}, {to}, {off(from)}, {off(to), from}}, "200/1 in t1; 0: 1m0s"},
		"the new one is gone":                   {[][]string{{from}, {to}, {"-" + to}}, "200/1 in t1; 0: 1m0s"},
		"both are off":                          {[][]string{{from}, {to}, {off(from)}, {off(to)}}, "200/1 in t2; 0: 1m0s; 3: off 1m0s"},
		"both are gone":                         {[][]string{{from}, {to}, {"-" + from}, {"-" + to}}, "200/1 in t2; 0: 1m0s; 3: off 1m0s"},
	} {
		p := newPast(t, 0)
		for _, look := range x.looks {
			p.take(look...)
		}
		if got := p.text(); got != x.want {
			t.Errorf("%s: %s, want %s", name, got, x.want)
		}
	}
}

// TestAPastChannelIsNamedAsItIsNow, also where a name alone has changed, or as it was when it was retired.
func TestAPastChannelIsNamedAsItIsNow(t *testing.T) {
	p := newPast(t, 0)
	fridge := strings.Replace(deviceOf("t1", "60000"), `"device_uuid"`, `"customer_site":"x","device_uuid"`, 1)
	p.take(`location {"tenant_uuid":"t1","location_uuid":"x","name":"Hall"}`, equipmentOf("7", "0"), fridge)
	p.take(`location {"tenant_uuid":"t1","location_uuid":"x","name":"Kitchen"}`)
	for range 2 {
		c := p.Channels()[0]
		if want := `{"tenant":null,"site":"Kitchen","device":"Fridge","sensor":null,"equipment":"Fridge 1","part":null,"area":null}`; c.Names != want || c.Quantity != "air_temperature" || c.Unit != "Cel" {
			t.Errorf("%s, %s in %s", c.Names, c.Quantity, c.Unit)
		}
		p.take("-" + fridge)
	}
}

// TestWhatComesBehindTheSpanNamesOnlyWhatWasNotKnown: and begins no period.
func TestWhatComesBehindTheSpanNamesOnlyWhatWasNotKnown(t *testing.T) {
	p := newPast(t, 0)
	site := func(name string) string {
		return `location {"tenant_uuid":"t1","location_uuid":"x","name":"` + name + `"}`
	}
	fridge := strings.Replace(deviceOf("t1", "60000"), `"device_uuid"`, `"customer_site":"x","device_uuid"`, 1)
	p.take(site("Hall"), fridge)
	p.take(site("Kitchen"))
	p.hour = 10
	p.take(site("Bar"), strings.Replace(fridge, "Fridge", "Freezer", 1))
	p.take("-" + fridge)
	p.take(strings.ReplaceAll(strings.ReplaceAll(fridge, "d1", "d2"), "200", "201"))
	p.take(site("Garden"))
	got := map[string]string{}
	for _, c := range p.Channels() {
		got[c.Serial] = c.Names[strings.Index(c.Names, "site"):strings.Index(c.Names, `,"sensor`)]
	}
	if got["200"] != `site":"Kitchen","device":"Fridge"` || got["201"] != `site":"Garden","device":"Fridge"` || !strings.Contains(p.text()+"\n", "200/1 in t1; 0: 1m0s\n") {
		t.Errorf("%q\n%s", got, p.text())
	}
}

func TestWhatIsNoChangeOfTheFleetIsRefused(t *testing.T) {
	h := NewHistory(time.Time{}, hourly(10))
	if err := h.Take([]byte(`{"kind":"moon","key":"k","document":{}}`), hourly(0)); err == nil || len(h.Channels()) != 0 {
		t.Errorf("%v, %v", err, h.Channels())
	}
}
