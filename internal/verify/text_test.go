package verify

import (
	"testing"
	"time"
)

func TestWhatPeopleSeeOfADay(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 22, 30, 0, 0, time.UTC)
	good := Day{Feed: "readings", Day: "2026-11-23", VendorRows: 7, Stored: 8, Corrections: 1, Proven: true}
	bad := Day{Feed: "alarms", Day: "2026-11-23", VendorRows: 7, Stored: 5, Missing: 2, BadIndex: 1}
	const digest = "digest 00000000000000000000000000000000  "
	for want, got := range map[string]string{
		"readings  2026-11-23  vendor         7  stored         8  " + digest + "proven, 1 corrections":              good.Line(),
		"alarms    2026-11-23  vendor         7  stored         5  " + digest + "NOT proven: 2 missing, 1 bad index": bad.Line(),
		"missing  alarms  2026-11-23  id a  2026-11-23T22:30:00Z  sensor 7/1  sequence 9: lost":                      bad.DifferenceLine(Difference{Kind: Missing, ID: "a", Time: &at, Subject: "7/1", Sequence: 9, Why: "lost"}),
		"bad_index  alarms  2026-11-23: it is cut":                                                                   bad.DifferenceLine(Difference{Kind: BadIndex, Why: "it is cut"}),
	} {
		if got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
