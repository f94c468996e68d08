package schema

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"saveris-bridge/internal/saveris"
)

// reasons are short for those that the vendor has.
var reasons = map[string]string{
	"violated": "Alarm condition is violated", "adhered": "Alarm condition is adhered", "Unknown": "Unknown",
	"gone": "The alarm condition does no longer exist", "ended": "The time period for alarm supervision has ended",
}

// alarmBegan is minute 0 of these tests.
var alarmBegan = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)

// alarmFrom makes the event of a row that is told as <uuid> <status> <minute> and columns as name=value, with - for null and
// + for a blank. The word "revised" makes it a correction.
func alarmFrom(t testing.TB, seq uint64, told string) AlarmEvent {
	t.Helper()
	words := strings.Fields(told)
	at := func(minute string) string {
		n, err := strconv.Atoi(minute)
		if err != nil {
			t.Fatal(err)
		}
		return alarmBegan.Add(time.Duration(n) * time.Minute).Format(time.RFC3339)
	}
	columns := map[string]string{
		"uuid": words[0], "alarm_status": words[1], "alarm_time": at(words[2]), "last_status_change_time": at(words[2]), "processed_at": at(words[2]),
		"alarm_reason": "Alarm condition is violated", "alarm_condition_type": "Upper limit", "alarm_severity": "Warning", "alarm_value": "9.30",
		"physical_property_name": "Temperature", "physical_extension": "Air Temperature", "physical_unit": "°C", "serial_no": "22011234",
		"tenant_uuid": "tenant-1", "customer_site": "site-1", "alarm_source_uuid": "sensor-1",
	}
	if words[1] == "Ok" {
		columns["alarm_reason"] = "Alarm condition is adhered"
	}
	revised := false
	for _, word := range words[3:] {
		name, value, _ := strings.Cut(word, "=")
		value = strings.ReplaceAll(value, "+", " ")
		switch name {
		case "revised":
			revised = true
		case "reason":
			columns["alarm_reason"] = reasons[value]
			if reasons[value] == "" {
				columns["alarm_reason"] = value
			}
		case "ends":
			columns["source_alarm_event_uuid"] = value
		case "changed":
			columns["last_status_change_time"] = at(value)
		case "received":
			columns["processed_at"] = at(value)
		default:
			columns[name] = value
		}
	}
	var row saveris.Row
	for name, value := range columns {
		if value != "-" {
			row.Fields = append(row.Fields, saveris.Field{Name: name, Kind: saveris.String, Text: []byte(value)})
		}
	}
	event := NewMaker(Alarms, "saveris", "http://vendor").Event(&row, Window{}, alarmBegan)
	if revised {
		event = event.Revise()
	}
	e, ok := ReadAlarm(event.ID, seq, event.AppendData(nil))
	if !ok {
		t.Fatalf("%s is no alarm: %s", told, event.AppendData(nil))
	}
	return e
}

// openOf lists what is open, each as the beginning of its id.
func openOf(o *OpenAlarms) string {
	var ids []string
	for _, e := range o.List() {
		id, _, _ := strings.Cut(e.ID, ".")
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

var pairings = []struct {
	name string
	rows []string
	open string
}{
	{"begun", []string{"a Alarm 0"}, "a"},
	{"begun, and there is no end of waiting", []string{"a Alarm -500000", "b Alarm 0 alarm_condition_type=Lower+limit", "c Ok 5 alarm_condition_type=Lower+limit"}, "a"},

	// by name
	{"an end that names its beginning", []string{"a Alarm 0", "b Ok 5 ends=a"}, ""},
	{"a name beats the clocks", []string{"a Alarm 5", "b Ok 0 ends=a"}, ""},
	{"a name beats all that pairs", []string{"a Alarm 0", "b Ok 5 ends=a serial_no=7 alarm_severity=Alarm alarm_condition_type=Unknown customer_site=-"}, ""},
	{"a name beats the newest", []string{"a Alarm 0", "b Alarm 1", "c Ok 5 ends=a"}, "b"},
	{"a name in another spelling", []string{"AbC Alarm 0", "b Ok 5 ends=+aBc+"}, ""},
	{"an end that names another ends nothing else", []string{"a Alarm 0", "b Ok 5 ends=x"}, "a"},
	{"a beginning that names something ends nothing", []string{"a Alarm 0", "b Alarm 5 ends=a"}, "a b"},
	{"a closing reason makes it an end", []string{"a Alarm 0", "b Alarm 5 ends=a reason=adhered"}, ""},
	{"an unknown status that names something ends nothing", []string{"a Alarm 0", "b Unknown 5 ends=a reason=Unknown"}, "a"},

	// by series
	{"an end without a name", []string{"a Alarm 0", "b Ok 5"}, ""},
	{"an end before its time", []string{"a Alarm 5", "b Ok 0"}, "a"},
	{"an end without a beginning", []string{"b Ok 5"}, ""},
	{"an end, and begun again", []string{"a Alarm 0", "b Ok 5", "c Alarm 9"}, "c"},
	{"two and one end: the newest", []string{"a Alarm 0", "b Alarm 1", "c Ok 5"}, "a"},
	{"two and one end between", []string{"a Alarm 0", "b Alarm 6", "c Ok 5"}, "b"},
	{"two and two ends", []string{"a Alarm 0", "b Alarm 1", "c Ok 5", "d Ok 6"}, ""},
	{"two and three ends", []string{"a Alarm 0", "b Alarm 1", "c Ok 5", "d Ok 6", "e Ok 7", "f Alarm 8"}, "f"},
	{"bands", []string{"a Alarm 0", "b Alarm 1 alarm_severity=Alarm", "c Ok 5"}, "b"},
	{"the other band", []string{"a Alarm 0", "b Alarm 1 alarm_severity=Alarm", "c Ok 5 alarm_severity=Alarm"}, "a"},
	{"other conditions", []string{"a Alarm 0", "c Ok 5 alarm_condition_type=Lower+limit"}, "a"},
	{"other tenants", []string{"a Alarm 0", "c Ok 5 tenant_uuid=tenant-2"}, "a"},
	{"other sites", []string{"a Alarm 0", "c Ok 5 customer_site=site-2"}, "a"},
	{"other serial numbers", []string{"a Alarm 0", "c Ok 5 serial_no=7"}, "a"},
	{"other quantities", []string{"a Alarm 0", "c Ok 5 physical_property_name=Humidity physical_extension=Relative+Humidity"}, "a"},
	{"other extensions", []string{"a Alarm 0", "c Ok 5 physical_extension=Product+Temperature"}, "a"},
	{"other sources make no difference", []string{"a Alarm 0", "c Ok 5 alarm_source_uuid=-"}, ""},
	{"spelling makes no difference", []string{"a Alarm 0", "c ok 5 alarm_condition_type=upper_limit alarm_severity=WARNING physical_extension=air_temperature customer_site=SITE-1 tenant_uuid=+Tenant-1"}, ""},
	{"nothing and Unknown are one extension", []string{"a Alarm 0 physical_extension=Unknown", "c Ok 5 physical_extension=-"}, ""},
	{"no site, no quantity", []string{"a Alarm 0 customer_site=- physical_extension=- physical_property_name=-", "c Ok 5 customer_site=- physical_extension=- physical_property_name=-"}, ""},
	{"without serial numbers by source", []string{"a Alarm 0 serial_no=-", "b Alarm 1 serial_no=- alarm_source_uuid=other", "c Ok 5 serial_no=-"}, "b"},
	{"severity Unknown is a band", []string{"a Alarm 0 alarm_severity=Unknown", "b Alarm 1", "c Ok 5 alarm_severity=Unknown"}, "b"},

	// clocks
	{"the time of the change is another clock", []string{"a Alarm 0 changed=9", "c Ok 5 changed=5"}, ""},
	{"the time of the change is better than nothing", []string{"a Alarm 0", "c Ok 0 changed=5"}, ""},
	{"the time of the change, the other way", []string{"a Alarm 0 changed=5", "c Ok 0 changed=0"}, "a"},
	{"no time of a change", []string{"a Alarm 0 last_status_change_time=-", "c Ok 5 last_status_change_time=-"}, ""},
	{"ties: what the cloud received last", []string{"a Alarm 0 received=7", "c Ok 0 received=6"}, "a"},
	{"ties: what the cloud received last ends it", []string{"a Alarm 0 received=6", "c Ok 0 received=7"}, ""},
	{"within a second an alarm begins before it ends", []string{"a Alarm 0", "c Ok 0"}, ""},
	{"an end by a clock that is years ahead", []string{"a Ok 900000 received=0", "b Alarm 100"}, "b"},

	// reasons
	{"the condition is gone", []string{"a Alarm 0", "b Unknown 5 reason=gone"}, ""},
	{"supervision has ended", []string{"a Alarm 0", "b Unknown 5 reason=ended"}, ""},
	{"the condition is adhered", []string{"a Alarm 0", "b Unknown 5 reason=adhered"}, ""},
	{"a closing reason beats the status", []string{"a Alarm 0", "b Alarm 5 reason=gone"}, ""},
	{"a closing reason in another spelling", []string{"a Alarm 0", "b Unknown 5 reason=the_alarm_condition_does_no_longer_exist"}, ""},
	{"a closing reason beside its name", []string{"a Alarm 0", "b Unknown 0 ends=a reason=ended"}, ""},
	{"no status, closing reason", []string{"a Alarm 0", "b - 5 reason=ended"}, ""},
	{"Unknown ends nothing", []string{"a Alarm 0", "b Unknown 5 reason=Unknown"}, "a"},
	{"Unknown begins nothing", []string{"a Unknown 0"}, ""},
	{"Ok ends whatever the reason", []string{"a Alarm 0", "b Ok 5 reason=Unknown"}, ""},
	{"Alarm begins whatever the reason", []string{"a Alarm 0 reason=Unknown"}, "a"},
	{"Alarm begins for a reason that nobody knows", []string{"a Alarm 0 reason=Upper+limit+violated"}, "a"},

	// updated in place
	{"updated in place", []string{"a Alarm 0", "a Ok 0 changed=5"}, ""},
	{"updated in place, and again", []string{"a Alarm 0", "a Ok 0 changed=5", "a Alarm 0 changed=9"}, "a"},
	{"updated in place with its time", []string{"a Alarm 0", "a Ok 5"}, ""},
	{"updated in place for a closing reason", []string{"a Alarm 0", "a Alarm 0 changed=5 reason=gone"}, ""},
	{"updated in place to Unknown", []string{"a Alarm 0", "a Unknown 0 changed=5 reason=Unknown"}, "a"},
	{"updated in place ends nothing else", []string{"a Alarm 0", "b Alarm 1", "b Ok 1 changed=5"}, "a"},
	{"updated in place to another band", []string{"a Alarm 0", "a Alarm 0 changed=1 alarm_severity=Alarm", "a Ok 0 changed=5 alarm_severity=Alarm"}, ""},
	{"updated in place, naming itself", []string{"a Alarm 0", "a Ok 0 changed=5 ends=a"}, ""},
	{"updated in place, without uuid", []string{"- Alarm 0", "- Ok 0 changed=5"}, ""},

	// corrections
	{"a corrected beginning is one alarm", []string{"a Alarm 0", "a Alarm 0 revised alarm_value=9.4", "b Ok 5"}, ""},
	{"a correction moves to its band", []string{"a Alarm 0", "a Alarm 0 revised alarm_severity=Alarm", "b Ok 5"}, "a"},
	{"a correction moves in time", []string{"a Alarm 0 changed=3", "b Ok 5", "a Alarm 7 changed=3 revised"}, "a"},
	{"the last correction counts", []string{"a Alarm 0 changed=3", "a Alarm 7 changed=3 revised", "b Ok 5", "a Alarm 1 changed=3 revised"}, ""},
	{"a correction gives an end its name", []string{"a Alarm 0", "b Alarm 1", "c Ok 5 alarm_value=1", "c Ok 5 alarm_value=2 revised ends=a"}, "b"},
}

// TestAlarmsPair takes each case in many orders, with some of the events twice: the list is always the same.
func TestAlarmsPair(t *testing.T) {
	for _, c := range pairings {
		var events []AlarmEvent
		for i, told := range c.rows {
			events = append(events, alarmFrom(t, uint64(i+1), told))
		}
		for try := range 60 {
			o := NewOpenAlarms()
			for _, e := range events {
				o.Take(e)
			}
			if got := openOf(o); got != strings.TrimSpace(c.open) {
				t.Errorf("%s, try %d: open are %q, want %q: %q", c.name, try, got, c.open, c.rows)
				break
			}
			events = slices.Insert(events, rand.IntN(len(events)+1), events[rand.IntN(len(events))])
			rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		}
	}
}

// TestAnyOrderOfAnyEventsGivesOneList: what there is of an alarm, thrown together at random.
func TestAnyOrderOfAnyEventsGivesOneList(t *testing.T) {
	random := rand.New(rand.NewPCG(20, 11))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	for try := range 400 {
		var events []AlarmEvent
		for i := range 1 + random.IntN(24) {
			told := fmt.Sprintf("%c %s %d alarm_value=%d changed=%d received=%d", 'a'+rune(random.IntN(8)), pick("Alarm", "Alarm", "Ok", "Ok", "Unknown"),
				random.IntN(6), i, random.IntN(6), random.IntN(6))
			told += pick("", "", "", " ends="+string('a'+rune(random.IntN(8)))) + pick("", "", " reason=gone", " reason=Unknown") + pick("", "", " alarm_severity=Alarm") + pick("", "", " revised")
			events = append(events, alarmFrom(t, uint64(i+1), told))
		}
		list := func() string {
			o := NewOpenAlarms()
			for _, e := range events {
				o.Take(e)
			}
			var text strings.Builder
			for _, e := range o.List() {
				fmt.Fprintln(&text, e.ID, e.Value, e.Severity, e.Seq)
			}
			return text.String()
		}
		want := list()
		for range 10 {
			events = append(events, events[random.IntN(len(events))])
			random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			if got := list(); got != want {
				t.Fatalf("try %d: in another order\n%s, before\n%s", try, got, want)
			}
		}
	}
}

func TestAnOpenAlarmIsTheEventThatBeganIt(t *testing.T) {
	o := NewOpenAlarms()
	o.Take(alarmFrom(t, 7, "a Alarm 0"))
	o.Take(alarmFrom(t, 9, "a Alarm 0 revised alarm_value=9.40"))
	o.Take(alarmFrom(t, 11, "b Unknown 3 reason=Unknown"))
	e := o.List()[0]
	if !strings.HasPrefix(e.ID, "a.alarm.20260701T100000Z~") || e.Seq != 9 || e.Value != "9.40" || e.Unit != "Cel" || e.Quantity != "air_temperature" || !e.RaisedAt.Equal(alarmBegan) ||
		e.Tenant != "tenant-1" || e.Site != "site-1" || e.Serial != "22011234" || e.Severity != "warning" || e.Condition != "Upper limit" || e.Reason != reasons["violated"] || !e.Received.Equal(alarmBegan) {
		t.Errorf("%+v", e)
	}
}

// TestAnAlarmHoldsNoMessage: the texts of a message's headers are parts of one, which would stay for each alarm.
func TestAnAlarmHoldsNoMessage(t *testing.T) {
	headers := []byte("a.alarm.20260701T100000Z and all the others")
	gone := make(chan struct{})
	runtime.AddCleanup(&headers[0], func(gone chan struct{}) { close(gone) }, gone)
	e, ok := ReadAlarm(unsafe.String(&headers[0], 24), 1, []byte(`{"uuid":"a","state":"raised","raised_at":"2026-07-01T10:00:00Z"}`))
	if headers = nil; !ok {
		t.Fatal("it was not read")
	}
	awaitFreed(t, gone)
	runtime.KeepAlive(e)
}

func TestWhatIsNoAlarmIsNotRead(t *testing.T) {
	for _, data := range []string{"", "{", "[]", "null", `{"raised_at":"x"}`, `{"raised_at":7}`, `{"state":"raised"}`} {
		if e, ok := ReadAlarm("a.alarm.t", 1, []byte(data)); ok {
			t.Errorf("%s: %+v", data, e)
		}
	}
}

// FuzzReadAlarm: whatever stands in a stream, it is read or it is not, and no text that is remembered is long.
func FuzzReadAlarm(f *testing.F) {
	for _, id := range []string{"a.alarm.20260701T100000Z~01234567", "", "~", "...", strings.Repeat("é", 300)} {
		f.Add(id, []byte(`{"uuid":"a","state":"raised","value":9.30,"raised_at":"2026-07-01T10:00:00Z","other":{"x":1,"x":2}}`))
	}
	f.Fuzz(func(t *testing.T, id string, data []byte) {
		o := NewOpenAlarms()
		for range 2 {
			if e, ok := ReadAlarm(id, 1, data); ok {
				o.Take(e)
			}
		}
		for _, e := range o.List() {
			for _, text := range []string{e.ID, e.Tenant, e.Site, e.Serial, e.Severity, e.Condition, e.Quantity, e.Reason, e.Value, e.Unit} {
				if len(text) > longestAlarmText+len("…") {
					t.Errorf("%d bytes are remembered", len(text))
				}
			}
		}
	})
}
