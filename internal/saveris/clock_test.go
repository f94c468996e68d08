package saveris

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestAClockThatIsFarAheadHasToBeConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c clock
		now := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
		says := func(date time.Time, want time.Time) {
			t.Helper()
			c.learn(http.Header{"Date": {date.Format(http.TimeFormat)}})
			if got, ok := c.tell(time.Now()); !ok || !got.Equal(want) {
				t.Errorf("after a Date of %v it is %v, want %v", date, got, want)
			}
		}
		says(now, now)
		says(now.Add(30*time.Minute), now.Add(30*time.Minute))
		wrong := now.Add(10 * 24 * time.Hour)
		says(wrong, now.Add(30*time.Minute))
		says(now, now)          // set back, and the claim is not confirmed
		time.Sleep(time.Minute) // of the bubble: no clock runs
		says(now.Add(5*time.Hour), now.Add(time.Minute))
		time.Sleep(time.Minute)                                                  // of the bubble: no clock runs
		says(now.Add(5*time.Hour+time.Minute), now.Add(5*time.Hour+time.Minute)) // two answers agree
	})
}
