package schemas

import (
	"encoding/json"
	"slices"
	"testing"

	"saveris-bridge/internal/schema"
)

// TestFeedsAreThoseOfRows: each list of feeds in a document has every feed of rows.
func TestFeedsAreThoseOfRows(t *testing.T) {
	var want []any
	for _, feed := range schema.RowFeeds {
		want = append(want, string(feed))
	}
	lists := 0
	var walk func(name string, node any)
	walk = func(name string, node any) {
		switch node := node.(type) {
		case []any:
			for _, v := range node {
				walk(name, v)
			}
		case map[string]any:
			if list, ok := node["enum"].([]any); ok && slices.Contains(list, want[0]) {
				if lists++; !slices.Equal(list, want) {
					t.Errorf("%s: the feeds are %v, expected %v", name, list, want)
				}
			}
			for _, v := range node {
				walk(name, v)
			}
		}
	}
	for _, name := range Names() {
		text, _ := Get(name)
		var doc any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		walk(name, doc)
	}
	if lists < 7 {
		t.Errorf("%d lists of feeds found", lists)
	}
}
