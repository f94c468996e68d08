package fleet

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"saveris-bridge/internal/schema"
	"saveris-bridge/schemas"
)

const baseURL = "https://data-api.eu.p.savr.saveris.net"

// contracts compiles the schemas of all documents, by urn or by place in the AsyncAPI document.
func contracts(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range schemas.Names() {
		text, _ := schemas.Get(name)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range []string{"file:///" + name + ".v1.json", "urn:saveris-bridge:" + name + ":v1"} { // others refer to it by both
			if err := c.AddResource(url, doc); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c
}

func valid(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return s.Validate(doc)
}

// messages are the events of a thing of each kind: new, another than before, and gone.
func messages(t *testing.T, kind Kind) (all []schema.FleetChange) {
	t.Helper()
	inv := NewInventory()
	f := fixturesOf(t, kind)[0]
	all = store(inv, inv.Compare(f.look(t)))
	if err := inv.Load([]byte(`{"kind":"`+string(kind)+`","key":"`+all[0].Key+`","document":`+string(golden(t, kind))+`,"changed":[],"removed":false}`), 5); err != nil {
		t.Fatal(err)
	}
	look := f.look(t)
	i := slices.IndexFunc(shapes[kind].columns, func(c column) bool {
		return c.form == text && look.things[0].get(c.name) != "" && c.name != sources[kind].serial
	})
	inv.kinds[kind][soleKey(inv.kinds[kind])].doc.cells[i] = value(`"other"`)
	all = append(all, store(inv, inv.Compare(look))...)
	look.things = nil
	inv.Compare(look)
	return append(all, inv.Compare(look)[0].Event())
}

func soleKey(things map[string]*thing) string { return sortedKeys(things)[0] }

// TestEventsOfTheFleetKeepTheContract in both content modes.
func TestEventsOfTheFleetKeepTheContract(t *testing.T) {
	c := contracts(t)
	structured := c.MustCompile("file:///event.v1.json")
	names := map[Kind]string{schema.KindDeviceStatus: "deviceStatus", schema.KindSensorStatus: "sensorStatus", schema.KindMeasuringObject: "measuringObject"}
	ids := map[string]bool{}
	for _, kind := range schema.FleetKinds {
		data := c.MustCompile("urn:saveris-bridge:" + string(kind) + ":v1")
		name := names[kind]
		if name == "" {
			name = string(kind)
		}
		headers := c.MustCompile("file:///asyncapi.v1.json#/components/messages/" + name + "/headers")
		events := messages(t, kind)
		if len(events) != 3 || len(events[1].Changed) == 0 || !events[2].Removed || events[2].Changed != nil {
			t.Fatalf("%s: %d events", kind, len(events))
		}
		for _, e := range events {
			header, body := e.Message(schema.Binary, baseURL, lookedAt)
			flat := map[string]any{}
			for key, value := range header {
				flat[key] = value[0]
			}
			if err := headers.Validate(flat); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			if err := valid(t, data, body); err != nil {
				t.Errorf("%s: %v\n%s", kind, err, body)
			}
			parsed, err := schema.Parse(header, body)
			if err != nil || parsed.ID() != e.ID() || parsed.Source() != baseURL+"/tenants/6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f" || parsed.Subject() != string(kind)+"/"+e.Key || !parsed.Time().Equal(e.LookedAt) {
				t.Errorf("%s: %v (%v)", kind, parsed, err)
			}
			want := "saveris." + string(kind) + map[bool]string{false: ".changed.v1", true: ".removed.v1"}[e.Removed]
			if parsed.Type() != want {
				t.Errorf("%s: type %s", kind, parsed.Type())
			}
			header, body = e.Message(schema.Structured, baseURL, lookedAt)
			if err := valid(t, structured, body); err != nil || len(header) != 1 {
				t.Errorf("%s: %v\n%s", kind, err, body)
			}
			if ids[e.ID()] {
				t.Errorf("%s comes twice", e.ID())
			}
			ids[e.ID()] = true
			if want := "pfx.devices." + string(kind) + ".6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f." + e.Key; e.Subject("pfx") != want || e.Ingest("pfx") != strings.Replace(want, "pfx", "pfx-ingest", 1) {
				t.Errorf("%s, %s", e.Subject("pfx"), e.Ingest("pfx"))
			}
		}
	}
	e := schema.FleetChange{Kind: schema.KindDevice, Key: "20208111", Hash: "abc", Before: 7, Document: []byte(`{}`), LookedAt: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}
	if e.ID() != "device.20208111.abc.7" || string(e.AppendData(nil)) != `{"kind":"device","key":"20208111","document":{},"changed":[],"removed":false}` || e.Subject("saveris") != "saveris.devices.device._.20208111" {
		t.Errorf("%s %s %s", e.ID(), e.AppendData(nil), e.Subject("saveris"))
	}
}

// TestTheSchemasHaveTheColumnsOfTheDocuments, no more and no less.
func TestTheSchemasHaveTheColumnsOfTheDocuments(t *testing.T) {
	for _, kind := range schema.FleetKinds {
		text, _ := schemas.Get(string(kind))
		var doc struct{ Properties map[string]json.RawMessage }
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		level := doc.Properties["document"]
		for s := shapes[kind]; s != nil; s = s.inner {
			var object struct {
				Required   []string
				Properties map[string]json.RawMessage
			}
			if err := json.Unmarshal(level, &object); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, c := range s.columns {
				want = append(want, c.name)
			}
			if s.nest != "" {
				want = append(want, s.nest)
				var list struct{ Items json.RawMessage }
				if err := json.Unmarshal(object.Properties[s.nest], &list); err != nil {
					t.Fatal(err)
				}
				level = list.Items
			}
			if !slices.Equal(object.Required, want) {
				t.Errorf("%s: the schema requires %q, the document has %q", kind, object.Required, want)
			}
			want = append(want, "other")
			slices.Sort(want)
			if got := sortedKeys(object.Properties); !slices.Equal(got, want) {
				t.Errorf("%s: the schema has %q, the document %q", kind, got, want)
			}
		}
	}
}
