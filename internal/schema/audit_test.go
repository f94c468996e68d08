package schema

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/schemas"
)

var (
	testWindow = Window{time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)}
	testReadAt = time.Date(2026, 7, 2, 3, 4, 5, 60e6, time.UTC)
)

// auditor holds every promise about single events against one row after the other.
type auditor struct {
	feed    Feed
	maker   *Maker
	headers Headers // reused, as the publisher does
	schemas map[string]*jsonschema.Schema
	kinds   [rejected + 1]int // how many events there were of each
}

func newAuditor(t testing.TB, feed Feed) *auditor {
	return &auditor{
		feed: feed, maker: NewMaker(feed, "pfx", refBase+"/"),
		headers: Headers{Map: map[string][]string{"Nats-Batch-Id": {"b"}}}, schemas: compileSchemas(t),
	}
}

// compileSchemas compiles the schemas of data under their urn, and those of the AsyncAPI document's headers under the
// event's type.
func compileSchemas(t testing.TB) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range schemas.Names() {
		text, _ := schemas.Get(name)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{"file:///" + name + ".v1.json", "urn:saveris-bridge:" + name + ":v1"} { // by both others refer to it
			if err := c.AddResource(url, doc); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := map[string]*jsonschema.Schema{
		"structured headers": c.MustCompile("file:///asyncapi.v1.json#/components/messages/structured/headers"), "structured body": c.MustCompile("file:///event.v1.json"),
	}
	for _, kind := range kinds {
		name := strings.TrimSuffix(strings.TrimPrefix(kind.dataSchema, "urn:saveris-bridge:"), ":v1")
		all[kind.dataSchema] = c.MustCompile("file:///" + name + ".v1.json")
	}
	for kind, message := range map[kind]string{reading: "reading", alarmRaised: "alarmRaised", alarmCleared: "alarmCleared", alarmUnknown: "alarmUnknown", task: "task", rejected: "rejected"} {
		all[kinds[kind].eventType] = c.MustCompile("file:///asyncapi.v1.json#/components/messages/" + message + "/headers")
	}
	return all
}

// check is the audit of one row. It names the promise that is broken.
func (a *auditor) check(row *saveris.Row) error {
	e := a.maker.Event(row, testWindow, testReadAt)
	a.kinds[e.kind]++
	for _, promise := range []func(*saveris.Row, Event) error{a.sameAgain, a.likeReference, a.likeSDK, a.likeInJSON, a.fitsSchema, a.dropsNothing, a.fitsSubject} {
		if err := promise(row, e); err != nil {
			return fmt.Errorf("%w\nrow:  %q\ndata: %s", err, rowText(row.Fields), e.AppendData(nil))
		}
	}
	return nil
}

// sameAgain: the row makes the same event when it comes again, now that its series is known and the short way is open.
func (a *auditor) sameAgain(row *saveris.Row, e Event) error {
	again := a.maker.Event(row, testWindow, testReadAt)
	if got, want := printed(&again)+again.ID, printed(&e)+e.ID; got != want || again.Time != e.Time || again.ProcessedAt() != e.ProcessedAt() {
		return fmt.Errorf("the same row again gives\n%s\nafter\n%s", got, want)
	}
	return nil
}

// likeReference: the fast path gives what the plain reference gives.
func (a *auditor) likeReference(row *saveris.Row, e Event) error {
	want := reference(a.feed, row, testWindow, testReadAt)
	if want.rejected != e.Rejected {
		return fmt.Errorf("rejected %v (%s), reference says %v", e.Rejected, e.Reason(), want.rejected)
	}
	if !e.Rejected && string(e.AppendData(nil)) != want.data {
		return fmt.Errorf("data, reference gives %s", want.data)
	}
	got := [...]any{e.ID, e.Check, e.Day(), e.Subject(Live), e.Subject(History)}
	wanted := [...]any{want.id, want.check, want.day, strings.Replace(want.subject, "LANE", "live", 1), strings.Replace(want.subject, "LANE", "history", 1)}
	if got != wanted {
		return fmt.Errorf("id, check, day, subjects: %q, reference gives %q", got, wanted)
	}
	a.headers.Set(&e, Live, testReadAt)
	return compareHeaders(a.headers.Map, a.refHeader(want, e))
}

func (a *auditor) refHeader(want message, e Event) map[string]string {
	h := maps.Clone(want.header)
	h["specversion"], h["datacontenttype"], h["recordedtime"] = "1.0", "application/json", "2026-07-02T03:04:05.06Z"
	if !e.Rejected {
		h["lane"] = "live"
	}
	return h
}

// compareHeaders compares the ce- headers with attributes in the clear; an empty attribute is none.
func compareHeaders(got map[string][]string, want map[string]string) error {
	for name, value := range want {
		if values := got["ce-"+name]; value != "" && !slices.Equal(values, []string{refPercent(value)}) {
			return fmt.Errorf("header ce-%s: %q, expected %q", name, values, refPercent(value))
		}
	}
	for key := range got {
		if name, ok := strings.CutPrefix(key, "ce-"); ok && want[name] == "" {
			return fmt.Errorf("header %s: %q, expected none", key, got[key])
		}
	}
	return nil
}

// likeSDK: fast path and SDK path give the same message, also as a correction, and Parse gives the event back.
func (a *auditor) likeSDK(row *saveris.Row, e Event) error {
	for _, e := range []Event{e, e.Revise()} {
		for _, lane := range []Lane{Live, History} {
			want, err := e.CloudEvent(lane, testReadAt)
			if err != nil {
				return err
			}
			if string(want.Data()) != string(e.AppendData(nil)) {
				return fmt.Errorf("data, the SDK path gives %s", want.Data())
			}
			a.headers.Set(&e, lane, testReadAt)
			if err := compareHeaders(a.headers.Map, sdkHeader(want, e)); err != nil {
				return fmt.Errorf("SDK path: %w", err)
			}
			got, err := Parse(a.headers.Map, e.AppendData(nil))
			if err != nil {
				return err
			}
			if !sameEvent(got, want) {
				return fmt.Errorf("parsed %s\nexpected %s", got, want)
			}
		}
	}
	return nil
}

// sdkHeader lists the attributes of an SDK event. Its time may lack digits that the vendor gave.
func sdkHeader(ev event.Event, e Event) map[string]string {
	h := map[string]string{
		"specversion": ev.SpecVersion(), "id": ev.ID(), "source": ev.Source(), "type": ev.Type(), "subject": ev.Subject(),
		"datacontenttype": ev.DataContentType(), "dataschema": ev.DataSchema(), "time": e.part(partTime),
	}
	if at, err := time.Parse(time.RFC3339Nano, h["time"]); err != nil || !at.Equal(ev.Time()) || !at.Equal(e.Time) {
		h["time"] = types.FormatTime(ev.Time())
	}
	for name, value := range ev.Extensions() {
		h[name], _ = types.Format(value)
	}
	return h
}

// fitsSchema: the data is what the event's dataschema says, the headers are what the AsyncAPI document says, and in structured
// mode the body is what the schema of events says.
func (a *auditor) fitsSchema(_ *saveris.Row, e Event) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.AppendData(nil)))
	if err != nil {
		return err
	}
	if err := a.schemas[kinds[e.kind].dataSchema].Validate(doc); err != nil {
		return err
	}
	for _, e := range []Event{e, e.Revise()} {
		a.headers.Set(&e, History, testReadAt)
		header := map[string]any{}
		for key, values := range a.headers.Map {
			header[key] = values[0]
		}
		if err := a.schemas[kinds[e.kind].eventType].Validate(header); err != nil {
			return fmt.Errorf("header %v: %w", header, err)
		}
		body, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.AppendStructured(nil, History, testReadAt)))
		if err == nil {
			err = a.schemas["structured body"].Validate(body)
		}
		if err == nil {
			err = a.schemas["structured headers"].Validate(map[string]any{KeyStructured: TypeStructured, "Nats-Batch-Id": "b"})
		}
		if err != nil {
			return fmt.Errorf("in structured mode: %w", err)
		}
	}
	return nil
}

// dropsNothing: every value of the row stands in the data.
func (a *auditor) dropsNothing(row *saveris.Row, e Event) error {
	if e.Rejected {
		if !strings.Contains(string(e.AppendData(nil)), strings.Trim(refQuote(refUTF8(strings.Trim(string(row.Raw), " \t\r\n"))), `"`)) {
			return fmt.Errorf("rejected row without its text %q", row.Raw)
		}
		return nil
	}
	leaves, other := leavesOf(e.AppendData(nil))
	for _, f := range row.Fields {
		if !isKept(f, leaves, other) && !(a.feed == Tasks && isTaskKept(f, e.AppendData(nil))) {
			return fmt.Errorf("column %q with %q is not in the data", f.Name, f.Text)
		}
	}
	return nil
}

func isKept(f saveris.Field, leaves map[string]bool, other []string) bool {
	if f.Kind == saveris.Null || len(f.Text) == 0 {
		return true
	}
	if member := refMember(map[string]bool{}, f); slices.Contains(other, member) {
		return true
	}
	value := refUTF8(string(f.Text))
	at, _ := refTime(strings.Trim(value, " \t\r\n"))
	switch {
	case leaves[value], leaves[at], leaves[strings.Trim(value, " \t\r\n")], leaves[refUUID(value)], strings.HasSuffix(refSquashed(f.Name), "uuid") && refBlank(value):
		return true
	case refSquashed(f.Name) == "channelno":
		number, _ := refInteger(strings.Trim(value, " \t\r\n"))
		return leaves[number]
	case refSquashed(f.Name) == "alarmtype":
		return leaves[strings.ReplaceAll(value, "_", " ")]
	case refSquashed(f.Name) == "alarmseverity":
		return refWord(value, "alarm", "warning", "unknown") != ""
	}
	return false
}

// isTaskKept reports whether the data has a column of tasks under its name.
func isTaskKept(f saveris.Field, data []byte) bool {
	var d map[string]jsontext.Value
	if err := json.Unmarshal(data, &d, jsontext.AllowDuplicateNames(true)); err != nil {
		panic(err)
	}
	for name, value := range d {
		if cell, ok := refTaskCell(name, f); ok && strings.ReplaceAll(name, "_", "") == refSquashed(f.Name) {
			return string(value) == refOr(cell, "null")
		}
	}
	return false
}

// leavesOf returns the texts and literals in data, and the members of other without the numbers that tell equal names apart.
func leavesOf(data []byte) (leaves map[string]bool, other []string) {
	var d map[string]any
	decoder := stdjson.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&d); err != nil {
		panic(err)
	}
	leaves = map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		if m, ok := v.(map[string]any); ok {
			for _, v := range m {
				walk(v)
			}
			return
		}
		leaves[fmt.Sprint(v)] = true
	}
	delete(d, "other")
	walk(d)
	return leaves, membersOf(data)
}

var numbered = regexp.MustCompile(`~\d+$`)

var subjects = regexp.MustCompile(`^pfx\.(` +
	`readings\.(live|history)(\.[A-Za-z0-9_-]{1,128}){4}\.[a-z0-9_-]{1,128}|` +
	`alarms\.(live|history)(\.[A-Za-z0-9_-]{1,128}){2}\.(alarm|warning|unknown)\.(raised|cleared|unknown)\.[A-Za-z0-9_-]{1,128}|` +
	`tasks\.(live|history)\.[A-Za-z0-9_-]{1,128}(\.[a-z0-9_-]{1,128}){2}|` +
	`rejected\.(readings|alarms|tasks))$`)

// fitsSubject: the subject has as many tokens as the contract says, each of them legal and of bounded length.
func (a *auditor) fitsSubject(_ *saveris.Row, e Event) error {
	for _, lane := range []Lane{Live, History} {
		if subject := e.Subject(lane); !subjects.MatchString(subject) || e.Ingest(lane) != "pfx-ingest"+subject[len("pfx"):] {
			return fmt.Errorf("subject %q, published on %q", subject, e.Ingest(lane))
		}
	}
	return nil
}

// membersOf returns the members of other as "name":value.
func membersOf(data []byte) []string {
	var d struct {
		Other jsontext.Value `json:"other"`
	}
	if err := json.Unmarshal(data, &d, jsontext.AllowDuplicateNames(true)); err != nil {
		panic(err)
	}
	if d.Other == nil {
		return nil
	}
	var members []string
	decoder := jsontext.NewDecoder(bytes.NewReader(d.Other), jsontext.AllowDuplicateNames(true))
	decoder.ReadToken()
	for decoder.PeekKind() != '}' {
		name, _ := decoder.ReadToken()
		key := name.String()
		value, _ := decoder.ReadValue()
		members = append(members, refQuote(key)+":"+string(value), refQuote(numbered.ReplaceAllString(key, ""))+":"+string(value))
	}
	return members
}
