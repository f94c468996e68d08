package main

import (
	"fmt"
	"math"
	"time"
)

// shownTime is a moment for people, in UTC.
func shownTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// whenAndAgo is a moment and how long ago it was.
func whenAndAgo(t *time.Time, now time.Time) string {
	if t == nil {
		return "nothing yet"
	}
	return shownTime(*t) + ", " + ago(t, now)
}

// ago is how long ago a moment was. Clocks differ: what lies ahead a little is now.
func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	d := now.Sub(*t)
	switch {
	case d < -time.Minute:
		return "in " + took(-d)
	case d < time.Second:
		return "just now"
	}
	return took(d) + " ago"
}

// took is a length of time in the two largest units of it.
func took(d time.Duration) string {
	d = d.Round(time.Second)
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.size, u.name)
		if rest := d % u.size; i+1 < len(units) && rest >= units[i+1].size {
			text += fmt.Sprintf("%d%s", rest/units[i+1].size, units[i+1].name)
		}
		return text
	}
	return "0s"
}

// seconds is a length of time given in seconds, which may be negative where clocks differ.
func seconds(s float64) string {
	switch {
	case math.Abs(s) > 1e9 || s != s:
		return "unknown"
	case s < 0:
		return "-" + took(time.Duration(-s*float64(time.Second)))
	}
	return took(time.Duration(s * float64(time.Second)))
}

// plural counts things whose name takes an s.
func plural(n int, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}
