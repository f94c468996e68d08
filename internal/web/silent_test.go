package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/status"
)

// TestAnInternetLineThatIsCutIsOneLineOnThePage: with each channel of a large chain silent, a page is sent their number.
func TestAnInternetLineThatIsCutIsOneLineOnThePage(t *testing.T) {
	now := time.Now().UTC()
	all := make([]status.Silence, 36_000)
	for i := range all {
		all[i] = status.Silence{Serial: fmt.Sprint(i), DueAt: now.Add(time.Duration(i) * time.Second)}
	}
	sent, err := json.Marshal(silentOf(all))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"count":36000,"since":%q,"channels":[]}`, now.Format(time.RFC3339Nano)); string(sent) != want {
		t.Errorf("%.200s, want %s", sent, want)
	}
	few := silentOf(all[:mostSilent])
	if few.Count != mostSilent || len(few.Channels) != mostSilent {
		t.Errorf("%+v", few)
	}
	if none := silentOf(nil); none.Count != 0 || none.Since != nil || none.Channels == nil {
		t.Errorf("%+v", none)
	}
}

// TestTheFleetThatIsSentIsBounded, and the source keeps its own.
func TestTheFleetThatIsSentIsBounded(t *testing.T) {
	long := strings.Repeat("W", 10_000)
	known := &status.Fleet{Devices: 18_000, Channels: 36_000, LowCount: 900, Low: make([]status.Battery, 100), Changes: make([]status.Change, 100)}
	known.Low[0].Name, known.Changes[0].Text = long, long
	sent := fleetOf(known)
	if len(sent.Low) != mostFleet || len(sent.Changes) != mostFleet || len(sent.Low[0].Name) > longestText+3 || len(sent.Changes[0].Text) > longestError+3 {
		t.Errorf("%d batteries, %d changes", len(sent.Low), len(sent.Changes))
	}
	if known.Low[0].Name != long || known.Changes[0].Text != long {
		t.Error("the source's own was cut")
	}
	if fleetOf(nil) != nil {
		t.Error("a fleet of which nothing is known is sent")
	}
}
