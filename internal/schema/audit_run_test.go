package schema

import (
	"math/rand/v2"
	"testing"

	"saveris-bridge/internal/bridgetest/variants"
)

// TestFastPathAndSDKAgree holds all promises of auditor.check over a population of ordinary and odd rows: fast path, SDK
// path and plain reference give the same message, every event fits its schema, and nothing is dropped.
func TestFastPathAndSDKAgree(t *testing.T) {
	t.Parallel()
	for _, feed := range RowFeeds {
		t.Run(string(feed), func(t *testing.T) {
			t.Parallel()
			a, w := newAuditor(t, feed), world{rand.New(rand.NewPCG(1, uint64(len(feed))))}
			population := variants.Of(300, 3000)
			for range population {
				if err := a.check(w.row(feed)); err != nil {
					t.Fatal(err)
				}
			}
			rejected := float64(a.kinds[rejected]) / float64(population)
			if rejected < 0.01 || rejected > 0.5 || feed == Alarms && (a.kinds[alarmRaised]*a.kinds[alarmCleared]*a.kinds[alarmUnknown] == 0) {
				t.Errorf("a population of %v by kind proves little", a.kinds)
			}
		})
	}
}
