package schema

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding/format"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/saveris"
)

var structuredHeader = map[string][]string{KeyStructured: {TypeStructured}}

// likeInJSON: what is written in structured mode is what the SDK writes of the event, the SDK and Parse read the event out of
// it, and each content mode can be made of the other.
func (a *auditor) likeInJSON(_ *saveris.Row, e Event) error {
	for _, e := range []Event{e, e.Revise()} {
		for _, lane := range []Lane{Live, History} {
			want, err := e.CloudEvent(lane, testReadAt)
			if err != nil {
				return err
			}
			body := e.AppendStructured(nil, lane, testReadAt)
			for _, promise := range []func(*Event, event.Event, []byte) error{likeMarshalled, readBySDK, readByParse} {
				if err := promise(&e, want, body); err != nil {
					return fmt.Errorf("structured: %w\nbody: %s", err, body)
				}
			}
			a.headers.Set(&e, lane, testReadAt)
			if err := turnsIntoOther(a.headers.Map, e.AppendData(nil), body); err != nil {
				return fmt.Errorf("structured: %w\nbody: %s", err, body)
			}
		}
	}
	return nil
}

// likeMarshalled: the members are those that the SDK writes, each once. Its time may lack digits that the vendor gave.
func likeMarshalled(e *Event, ev event.Event, body []byte) error {
	marshalled, err := ev.MarshalJSON() // json.Marshal would write the data in its own way
	if err != nil {
		return err
	}
	want, err := membersOfObject(marshalled)
	if err != nil {
		return err
	}
	got, err := membersOfObject(body)
	if err != nil {
		return err
	}
	if at := e.part(partTime); stdjson.Valid([]byte(want["time"])) && sameMoment(at, ev.Time()) {
		want["time"] = refQuote(at)
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("members %q\nthe SDK writes %q", got, want)
	}
	return nil
}

func sameMoment(stamp string, at time.Time) bool {
	read, err := time.Parse(time.RFC3339Nano, stamp)
	return err == nil && read.Equal(at)
}

// membersOfObject returns the members of an object: texts are quoted in one way, data is as it stands there.
func membersOfObject(text []byte) (map[string]string, error) {
	members := map[string]string{}
	decoder := stdjson.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value stdjson.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		key := name.(string)
		if _, twice := members[key]; twice {
			return nil, fmt.Errorf("member %s stands there twice", key)
		}
		if members[key] = string(value); key != "data" {
			var inside string
			if err := stdjson.Unmarshal(value, &inside); err != nil {
				return nil, fmt.Errorf("member %s is no text: %w", key, err)
			}
			members[key] = refQuote(inside)
		}
	}
	return members, nil
}

// readBySDK: the SDK reads the event, through Event.UnmarshalJSON and as the bindings do. Behind a number such as 1e400, which
// JSON allows and no float64 holds, the JSON library of the SDK loses its place.
func readBySDK(_ *Event, want event.Event, body []byte) error {
	if err := stdjson.Unmarshal(want.Data(), new(any)); err != nil {
		return nil
	}
	var got, bound event.Event
	if err := stdjson.Unmarshal(body, &got); err != nil {
		return err
	}
	if err := format.Unmarshal(TypeStructured, body, &bound); err != nil {
		return err
	}
	for _, ev := range []event.Event{got, bound} {
		if err := ev.Validate(); err != nil {
			return err
		}
		if !bytes.Equal(ev.Data(), want.Data()) || !sameEvent(ev, want) || ev.DataBase64 {
			return fmt.Errorf("the SDK reads %s\nexpected %s", ev, want)
		}
	}
	return nil
}

// sameEvent reports whether events are printed alike. What is equal is not printed, which takes long.
func sameEvent(a, b event.Event) bool { return reflect.DeepEqual(a, b) || a.String() == b.String() }

// readByParse: Parse reads what it reads of a message in binary mode.
func readByParse(e *Event, want event.Event, body []byte) error {
	got, err := Parse(structuredHeader, body)
	if err != nil {
		return err
	}
	if !sameEvent(got, want) || !bytes.Equal(got.Data(), e.AppendData(nil)) {
		return fmt.Errorf("parsed %s\nexpected %s", got, want)
	}
	if recorded, err := types.ToTime(got.Extensions()["recordedtime"]); err != nil || !recorded.Equal(testReadAt) {
		return fmt.Errorf("recordedtime %v, %v", recorded, err)
	}
	return nil
}

// turnsIntoOther: a message in one content mode is written in the other one byte for byte as the bridge writes it.
func turnsIntoOther(header map[string][]string, data, body []byte) error {
	attributes, unwrapped, err := Unwrap(structuredHeader, body)
	if err != nil {
		return err
	}
	binaryHeader, binaryBody := Message(Binary, attributes, unwrapped)
	events := maps.Clone(header)
	maps.DeleteFunc(events, func(key string, _ []string) bool { return !strings.HasPrefix(key, "ce-") })
	if !reflect.DeepEqual(binaryHeader, events) || !bytes.Equal(binaryBody, data) {
		return fmt.Errorf("in binary mode %q %s\nexpected %q %s", binaryHeader, binaryBody, events, data)
	}
	if attributes, unwrapped, err = Unwrap(header, data); err != nil {
		return err
	}
	if h, b := Message(Structured, attributes, unwrapped); !reflect.DeepEqual(h, structuredHeader) || !bytes.Equal(b, body) {
		return fmt.Errorf("of binary mode %q %s", h, b)
	}
	return nil
}

// The golden is written by hand after the contract: nothing regenerates it.
func TestStructuredExample(t *testing.T) {
	e := NewMaker(Alarms, "saveris", "https://vendor.example").Event(parseRow(with(with(alarmRow, "alarm_status", `"Ok"`), "source_alarm_event_uuid", `"0f"`)), testWindow, testReadAt)
	revised := e.Revise()
	const want = `{"specversion":"1.0","id":"d2e3f4a5-b6c7-4d8e-9f0a-1b2c3d4e5f6a.ok.20260701T103000Z~%08x","source":"https://vendor.example/tenants/6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f",` +
		`"type":"saveris.alarm.cleared.v1","subject":"22011234","time":"2026-07-01T10:30:00Z","datacontenttype":"application/json","dataschema":"urn:saveris-bridge:alarm:v1",` +
		`"recordedtime":"2026-07-02T03:04:05.06Z","partitionkey":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","lane":"history","revises":"d2e3f4a5-b6c7-4d8e-9f0a-1b2c3d4e5f6a.ok.20260701T103000Z","causationid":"0f",` +
		`"data":%s}`
	if got, want := string(revised.AppendStructured(nil, History, testReadAt)), fmt.Sprintf(want, e.Check, e.AppendData(nil)); got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

// Texts that break what was written carelessly: quotes, control characters, U+2028, bytes that are no UTF-8, and numbers that
// no float holds.
func TestHostileTextInStructuredMode(t *testing.T) {
	a := map[Feed]*auditor{Readings: newAuditor(t, Readings), Alarms: newAuditor(t, Alarms)}
	hostile := append(slices.Clone(oddTexts), "\"\\\",\"id\":\"x", "%", "%41", "%zz", `\u0041`, "\u2028\u2029", "\x00\x01\b\f\n\r\t\x1f\x7f\x80", "\xff\xc0\xaf", "\xed\xa0\x80", `"data":{}`, "é\u0301", "\U0010ffff", "</script>", "\ufeff")
	tried := 0
	for _, odd := range hostile {
		for feed, row := range map[Feed]string{Readings: readingRow, Alarms: alarmRow} {
			for _, column := range []string{"uuid", "tenant_uuid", "sensor_uuid", "alarm_source_uuid", "serial_no", "timestamp_local", "alarm_status", "source_alarm_event_uuid", "physical_unit", "never heard of"} {
				if tried++; !variants.Take(tried, 3) {
					continue
				}
				r := withField(row, text(column, odd))
				if column == "never heard of" {
					r.Fields = append(r.Fields, text(odd, odd))
				}
				if err := a[feed].check(r); err != nil {
					t.Errorf("%s %q: %v", column, odd, err)
				}
			}
		}
	}
	const digits = "123456789012345678901234567890.12345678901234567890e-400"
	e := eventOf(Readings, with(readingRow, "measurement", digits))
	if body := string(e.AppendStructured(nil, Live, testReadAt)); !strings.Contains(body, `,"value":`+digits+`,`) {
		t.Error(body)
	}
	garbage := NewMaker(Readings, "saveris", "https://vendor.example").Event(&saveris.Row{Raw: []byte("\x00\xff\"}\u2028"), Err: fmt.Errorf("no \"JSON\"")}, testWindow, testReadAt)
	got, err := ReadStored(structuredHeader, garbage.AppendStructured(nil, Live, testReadAt))
	if err != nil || !got.Rejected || got.ID != garbage.ID {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestContentTypeTellsTheMode(t *testing.T) {
	for value, want := range map[string]bool{
		"application/cloudevents+json": true, "Application/CloudEvents+JSON; charset=UTF-8": true, "application/cloudevents": true, "application/cloudevents-batch+json": true,
		"application/json": false, "": false, "application/cloudevent": false, " application/cloudevents+json": false,
	} {
		for _, key := range []string{"content-type", "Content-Type", "CONTENT-TYPE"} {
			if got := IsStructured(map[string][]string{"a": {"b"}, key: {value}}); got != want {
				t.Errorf("%s: %q is structured: %v", key, value, got)
			}
		}
	}
	for _, header := range []map[string][]string{nil, {"content-type": nil}, {"ce-content-type": {TypeStructured}}, {"content_type": {TypeStructured}}} {
		if IsStructured(header) {
			t.Errorf("%v is structured", header)
		}
	}
}

// A message of somebody else, in another order, with blanks and attributes of other types, is read as well.
func TestStructuredEventsOfOthersAreRead(t *testing.T) {
	ev, err := Parse(map[string][]string{"Content-Type": {"application/cloudevents+json; charset=utf-8"}, "ce-id": {"not this"}},
		[]byte("\n{ \"data\" : {\"a\": [1.50, {\"a\":1,\"a\":2}]} ,\"n\":7,\"b\":true,\"none\":null,\"type\":\"t\",\"source\":\"/s\",\"id\":\" \\u00e9\",\"specversion\":\"1.0\"}\n"))
	if err != nil || ev.ID() != " é" || string(ev.Data()) != `{"a": [1.50, {"a":1,"a":2}]}` || fmt.Sprint(ev.Extensions()) != "map[b:true n:7]" {
		t.Errorf("%s, %v", ev, err)
	}
}

func TestParseRefusesWhatIsNoStructuredEvent(t *testing.T) {
	const good = `{"specversion":"1.0","id":"a","source":"/s","type":"t","data":{}}`
	if _, err := Parse(structuredHeader, []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		"", "null", "[]", "7", good[:len(good)-1], good + "x", `[` + good + `]`, strings.Replace(good, `"1.0"`, `"0.3"`, 1), strings.Replace(good, `"specversion":"1.0",`, "", 1),
		strings.Replace(good, `"a"`, `""`, 1), strings.Replace(good, `"a"`, `["a"]`, 1), strings.Replace(good, `"data":{}`, `"data_base64":"e30="`, 1),
		strings.Replace(good, `"a"`, "\"\xff\"", 1), strings.Replace(good, `"data"`, `"time":"yesterday","data"`, 1), strings.Replace(good, `"data"`, `"a_b":"c","data"`, 1),
	} {
		if ev, err := Parse(structuredHeader, []byte(body)); err == nil || !strings.HasPrefix(err.Error(), "parse event: ") {
			t.Errorf("%s: %v, %v", body, ev, err)
		}
	}
}

// FuzzUnwrap: whatever stands in a stream is refused or read, and what was read can be written and read again.
func FuzzUnwrap(f *testing.F) {
	for feed, row := range map[Feed]string{Readings: readingRow, Alarms: alarmRow} {
		e := eventOf(feed, row)
		f.Add(e.AppendStructured(nil, Live, testReadAt))
	}
	f.Add([]byte(`{"specversion":"1.0","id":"a","source":"/s","type":"t","n":1e400,"data":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ev, err := Parse(structuredHeader, body)
		if err != nil {
			return
		}
		attributes, data, _ := Unwrap(structuredHeader, body)
		if data == nil {
			return // an event without data is none of ours
		}
		for _, mode := range []Mode{Binary, Structured} {
			if again, err := Parse(Message(mode, attributes, data)); err != nil || again.String() != ev.String() {
				t.Fatalf("%s: %v, %v\nexpected %v", mode, again, err, ev)
			}
		}
	})
}
