package checkpoint

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"saveris-bridge/schemas"
)

func TestRecordsAreAsTheirPublicSchemaSays(t *testing.T) {
	text, found := schemas.Get("checkpoint")
	if !found {
		t.Fatal("no schema is called checkpoint")
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("checkpoint.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("checkpoint.json")
	if err != nil {
		t.Fatal(err)
	}
	since, account := at(-60), "0123456789abcdef"
	for _, r := range []Record{
		{Version: 1, Feed: "readings", Day: "2026-11-23", Batch: "B", Writer: "host", Account: account, Since: &since, Covered: []Interval{read(0, 10, 12)}},
		{Version: 1, Feed: "alarms", Day: "2026-11-23", Batch: "B", Account: account},
		{Version: 1, Feed: "alarms", Day: "2026-11-23", Batch: "B", Account: account, Rows: 3, Late: 2},
		Record{Version: 1, Feed: "alarms", Day: "2026-11-23", Batch: "B", Account: account, Rows: 3}.Again(2),
		Record{Version: 1, Feed: "alarms", Day: RejectedDay, Batch: "B", Account: account}.Next([]Entry{NewEntry("x", 1)}, nil, nil),
	} {
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", data, err)
		}
	}
}
