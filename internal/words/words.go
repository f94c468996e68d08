// Package words is the one place that puts a time, an age, a length of time, a number of things or a long text into words for
// people. All times are shown in UTC.
package words

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Time returns a moment, to the second.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// Clock returns a time of day to the minute, with the day where that is not now's.
func Clock(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04")
	}
	return at.Format("2006-01-02 15:04")
}

// ClockSeconds is Clock to the second.
func ClockSeconds(at, now time.Time) string { return Clock(at, now) + at.UTC().Format(":05") }

// TimeAndAgo returns a moment and how long ago it was; nil is nothing yet.
func TimeAndAgo(t *time.Time, now time.Time) string {
	if t == nil {
		return "nothing yet"
	}
	return Time(*t) + ", " + Ago(t, now)
}

// Ago returns how long ago a moment was; nil is never. Clocks differ: what lies ahead a little is now.
func Ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	d := now.Sub(*t)
	switch {
	case d < -time.Minute:
		return "in " + Length(-d)
	case d < time.Second:
		return "just now"
	}
	return Length(d) + " ago"
}

// Length returns a length of time in the two largest units of it.
func Length(d time.Duration) string {
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

// Seconds is Length of a number of seconds, which may be negative where clocks differ.
func Seconds(s float64) string {
	switch {
	case math.Abs(s) > 1e9 || s != s:
		return "unknown"
	case s < 0:
		return "-" + Length(time.Duration(-s*float64(time.Second)))
	}
	return Length(time.Duration(s * float64(time.Second)))
}

// Count counts things whose name takes an s.
func Count(n int, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

// Shortened returns a text of so many characters at most, and valid ones. Where it had more, … follows them.
func Shortened(text string, most int) string {
	if len(text) <= most {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	count := 0
	for at := range text {
		if count == most {
			return strings.ToValidUTF8(text[:at], "\uFFFD") + "…"
		}
		count++
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
