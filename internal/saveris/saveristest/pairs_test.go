package saveristest

import (
	"slices"
	"strings"
	"testing"
)

func TestPairsHoldEveryTwoValues(t *testing.T) {
	names := []string{"json.layout", "file.gzip", "empty.result", "csv.null", "file.form"}
	text := func(setting string) bool {
		return strings.HasPrefix(setting, "file.form=") && setting != "file.form=text"
	}
	lists := Pairs(text, names...)
	for i, one := range names {
		for _, other := range names[i+1:] {
			for _, a := range settingsOf(one, text) {
				for _, b := range settingsOf(other, text) {
					if !slices.ContainsFunc(lists, func(list []string) bool { return slices.Contains(list, a) && slices.Contains(list, b) }) {
						t.Errorf("%s never meets %s", a, b)
					}
				}
			}
		}
	}
	if len(lists) > 40 { // the product has 250
		t.Errorf("%d lists", len(lists))
	}
}
