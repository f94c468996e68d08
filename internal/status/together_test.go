package status

import (
	"fmt"
	"strings"
	"testing"
)

func TestWarningAndAlarmOfAChannelAreTogether(t *testing.T) {
	t.Parallel()
	list := []Alarm{
		{ID: "1", Serial: "22", Severity: "warning", Condition: "Upper limit"},
		{ID: "2", Serial: "22", Severity: "warning", Condition: "Lower limit"},
		{ID: "3", Serial: "23", Severity: "unknown", Condition: "Upper limit"},
		{ID: "4", Serial: "22", Severity: "alarm", Condition: "Upper limit"},
		{ID: "5", Serial: "22", Severity: "warning", Condition: "Upper limit"}, // a second one, however that came to be
		{ID: "6", Serial: "24", Severity: "alarm", Condition: "Upper limit"},
		{ID: "7", Serial: "22", Site: "another", Severity: "alarm", Condition: "Upper limit"},
	}
	var got []string
	for _, group := range Together(list) {
		var ids []string
		for _, a := range group {
			ids = append(ids, a.ID)
		}
		got = append(got, strings.Join(ids, "+"))
	}
	if want := "[4+1 6 7 2 5 3]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if list[0].ID != "1" {
		t.Error("the list was changed")
	}
	if groups := Together(nil); groups == nil || len(groups) != 0 {
		t.Errorf("%v", groups)
	}
}
