package schema

import "time"

// appendTime reads a time of the vendor and appends it as RFC 3339 in UTC, with his fractional digits as they are.
//
// He writes a date, then T, t or a blank, then a time with or without a fraction, then Z, z, an offset (+hh:mm, +hhmm,
// +hh) or nothing, which is UTC. Seconds are 00 to 59, and the year in UTC is 0001 to 9999. Digits of the fraction beyond
// the ninth are in the text only.
func appendTime(b, s []byte) ([]byte, time.Time, bool) {
	wall, ok := parseWall(s)
	if !ok {
		return b, time.Time{}, false
	}
	n := 19
	if n < len(s) && s[n] == '.' {
		if n += 1 + digitsLen(s[n+1:]); n == 20 {
			return b, time.Time{}, false
		}
	}
	offset, ok := parseZone(s[n:])
	if !ok {
		return b, time.Time{}, false
	}
	if offset == 0 && wall.Year() > 0 {
		b = append(append(append(b, s[:10]...), 'T'), s[11:19]...)
	} else {
		wall = wall.Add(-offset)
		if wall.Year() < 1 || wall.Year() > 9999 {
			return b, time.Time{}, false
		}
		b = wall.AppendFormat(b, "2006-01-02T15:04:05")
	}
	b = append(b, s[19:n]...)
	return append(b, 'Z'), wall.Add(fraction(s[19:n])), true
}

// parseWall reads date and time up to whole seconds, as if they were UTC.
func parseWall(s []byte) (time.Time, bool) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	if s[10] != 'T' && s[10] != 't' && s[10] != ' ' {
		return time.Time{}, false
	}
	century, year := two(s[0:]), two(s[2:])
	month, day := two(s[5:]), two(s[8:])
	hour, minute, second := two(s[11:]), two(s[14:]), two(s[17:])
	if century|year|month|day|hour|minute|second < 0 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(100*century+year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, month > 0 && day > 0 && t.Day() == day // time.Date turns 30 February into 2 March
}

// clock reads times that are as events have them already: 2026-07-01T10:15:00Z, with a fraction or without. Rows that
// follow each other are mostly of one day, which it remembers.
type clock struct {
	date     [len(time.DateOnly)]byte
	midnight time.Time
}

// read gives the time; ok is false where that needs appendTime, or is none.
func (c *clock) read(s []byte) (t time.Time, ok bool) {
	last := len(s) - 1
	if last < 19 || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[last] != 'Z' {
		return t, false
	}
	if last > 19 && (s[19] != '.' || last == 20 || digitsLen(s[20:last]) != last-20) {
		return t, false
	}
	if string(c.date[:]) != string(s[:10]) {
		midnight, ok := parseWall(append(append(make([]byte, 0, 19), s[:10]...), "T00:00:00"...))
		if !ok || midnight.Year() == 0 {
			return t, false
		}
		copy(c.date[:], s)
		c.midnight = midnight
	}
	hour, minute, second := two(s[11:]), two(s[14:]), two(s[17:])
	if hour|minute|second < 0 || hour > 23 || minute > 59 || second > 59 {
		return t, false
	}
	span := time.Duration(hour*3600+minute*60+second) * time.Second
	if last > 19 {
		span += fraction(s[19:last])
	}
	return c.midnight.Add(span), true
}

// two reads two digits, -1 if there are none.
func two(s []byte) int {
	if len(s) < 2 || s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return -1
	}
	return int(s[0]-'0')*10 + int(s[1]-'0')
}

// parseZone reads what follows the seconds: how far the wall clock is ahead of UTC.
func parseZone(s []byte) (time.Duration, bool) {
	if len(s) == 0 || len(s) == 1 && (s[0] == 'Z' || s[0] == 'z') {
		return 0, true
	}
	if s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hour, minute := two(s[1:]), 0
	switch {
	case len(s) == 6 && s[3] == ':':
		minute = two(s[4:])
	case len(s) == 5:
		minute = two(s[3:])
	case len(s) != 3:
		return 0, false
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, false
	}
	offset := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// fraction is the span that a point and digits stand for, cut to nanoseconds.
func fraction(s []byte) time.Duration {
	var d time.Duration
	for i := 1; i <= 9; i++ {
		d *= 10
		if i < len(s) {
			d += time.Duration(s[i] - '0')
		}
	}
	return d
}
