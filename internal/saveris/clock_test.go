package saveris

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestAClockThatIsFarAheadHasToBeConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock
		now := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
		says := func(date time.Time, want time.Time) {
			t.Helper()
			c.learn(http.Header{"Date": {date.Format(http.TimeFormat)}})
			if got, ok := c.vendorTime(time.Now()); !ok || !got.Equal(want) {
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

// dated is an answer's header; the zero time leaves the Date out.
func dated(date time.Time) http.Header {
	if date.IsZero() {
		return http.Header{}
	}
	return http.Header{"Date": {date.Format(http.TimeFormat)}}
}

func TestWithoutADateTheLocalClockServes(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]http.Header{"missing": {}, "garbage": {"Date": {"yesterday"}}, "empty": {"Date": {""}}} {
		synctest.Test(t, func(t *testing.T) {
			var c clock
			if changed := c.learn(header); !changed || c.trouble() != noDate {
				t.Errorf("%s: changed %v, trouble %q", name, changed, c.trouble())
			}
			for range 3 {
				if got, ok := c.vendorTime(time.Now()); !ok || !got.Equal(time.Now()) {
					t.Errorf("%s: %v at %v", name, got, time.Now())
				}
				time.Sleep(time.Hour) // of the bubble: no clock runs
				if c.learn(header) {
					t.Errorf("%s: it was noticed again", name)
				}
			}
			vendor := time.Now().Add(-30 * time.Minute).Truncate(time.Second)
			if changed := c.learn(dated(vendor)); !changed || c.trouble() != "" {
				t.Errorf("%s: a good Date changed %v, trouble %q", name, changed, c.trouble())
			}
			if got, _ := c.vendorTime(time.Now()); !got.Equal(vendor) {
				t.Errorf("%s: after a good Date it is %v, want %v", name, got, vendor)
			}
		})
	}
}

func TestADateThatStandsStillIsNotFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock
		still := time.Now().Add(-72 * time.Hour).Truncate(time.Second)
		lost := 0
		for second := range 120 {
			if c.learn(dated(still)) {
				lost++
			}
			got, _ := c.vendorTime(time.Now())
			if want := still.Add(time.Duration(second) * time.Second); second <= 30 && !got.Equal(want) || second > 30 && !got.Equal(time.Now()) {
				t.Errorf("after %d s it is %v, now is %v", second, got, time.Now())
			}
			time.Sleep(time.Second) // of the bubble: no clock runs
		}
		if lost != 1 || c.trouble() != dateIsStill {
			t.Errorf("noticed %d times, trouble %q", lost, c.trouble())
		}
	})
}

// TestAClockThatStoppedGoesOnAsItDid: the difference of the clocks that was known is kept.
func TestAClockThatStoppedGoesOnAsItDid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock
		const behind = 10 * time.Minute
		date := time.Now().Add(-behind)
		for range 60 {
			c.learn(dated(date))
			date = date.Add(time.Second)
			time.Sleep(time.Second) // of the bubble: no clock runs
		}
		for _, header := range []http.Header{dated(date), {}} { // first it stands still, then it is missing
			for range 60 {
				c.learn(header)
				time.Sleep(time.Minute) // of the bubble: no clock runs
			}
			if got, _ := c.vendorTime(time.Now()); got.Sub(time.Now().Add(-behind)).Abs() > 2*time.Second || c.trouble() == "" {
				t.Errorf("it is %v, want %v; trouble %q", got, time.Now().Add(-behind), c.trouble())
			}
		}
		if !c.learn(dated(time.Now())) || c.trouble() != "" {
			t.Errorf("trouble %q after a good Date", c.trouble())
		}
		if got, _ := c.vendorTime(time.Now()); time.Since(got).Abs() > time.Second {
			t.Errorf("it is %v, want %v", got, time.Now())
		}
	})
}

func TestOneAnswerWithoutADateIsNoTrouble(t *testing.T) { // of a proxy on the way
	synctest.Test(t, func(t *testing.T) {
		var c clock
		for range 60 {
			if c.learn(dated(time.Now())) || c.learn(http.Header{}) {
				t.Fatalf("trouble %q", c.trouble())
			}
			time.Sleep(time.Minute) // of the bubble: no clock runs
		}
	})
}
