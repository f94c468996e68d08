package schema

import "time"

// appendTime reads a time of the vendor and appends it as RFC 3339 in UTC, with his fractional digits as they are.
//
// He writes a date, then T, t or a blank, then a time to the minute or to the second, this with or without a fraction
// behind a point or a comma, then perhaps blanks, then a zone (see [zones.utc]) or nothing, which is UTC. Seconds are 00 to
// 59, and the year in UTC is 0001 to 9999. Digits of the fraction beyond the ninth are in the text only. A number of 13
// digits is milliseconds since 1970: taken for any other unit it would be a time that no logger has seen. One of ten
// digits, seconds, he has never written and is none.
func (z zones) appendTime(b, s []byte) ([]byte, time.Time, bool) {
	if isEpoch(s) {
		return appendEpoch(b, s)
	}
	wall, n, ok := parseWall(s)
	if !ok {
		return b, time.Time{}, false
	}
	end := n
	if n == 19 && n < len(s) && (s[n] == '.' || s[n] == ',') {
		if end += 1 + digitsLen(s[n+1:]); end == 20 {
			return b, time.Time{}, false
		}
	}
	at, ok := z.utc(wall, trimBlanks(s[end:]))
	if !ok || at.Year() < 1 || at.Year() > 9999 {
		return b, time.Time{}, false
	}
	switch {
	case !at.Equal(wall):
		b = at.AppendFormat(b, "2006-01-02T15:04:05")
	case n == 16:
		b = append(append(append(append(b, s[:10]...), 'T'), s[11:16]...), ":00"...)
	default:
		b = append(append(append(b, s[:10]...), 'T'), s[11:19]...)
	}
	if end > n {
		b = append(append(b, '.'), s[n+1:end]...)
	}
	return append(b, 'Z'), at.Add(fraction(s[n:end])), true
}

func isEpoch(s []byte) bool { return len(s) == 13 && s[0] != '0' && digitsLen(s) == len(s) }

func appendEpoch(b, s []byte) ([]byte, time.Time, bool) {
	ms := int64(0)
	for _, c := range s {
		ms = 10*ms + int64(c-'0')
	}
	at := time.UnixMilli(ms).UTC()
	return at.AppendFormat(b, "2006-01-02T15:04:05.000Z"), at, true
}

// appendMoment appends a time of an event as it is hashed and compared: without the zeros at the end of its fraction.
func appendMoment[T string | []byte](b []byte, stamp T) []byte {
	if len(stamp) <= len("2006-01-02T15:04:05Z") {
		return append(b, stamp...)
	}
	return appendTrimmed(b, stamp)
}

func appendTrimmed[T string | []byte](b []byte, stamp T) []byte {
	n := len(stamp) - 1
	for n > 19 && stamp[n-1] == '0' {
		n--
	}
	if stamp[n-1] == '.' {
		n--
	}
	return append(append(b, stamp[:n]...), 'Z')
}

// parseWall reads date and time up to the whole minutes or seconds that it has, as if they were UTC, and returns how many
// bytes that are.
func parseWall(s []byte) (at time.Time, n int, ok bool) {
	if len(s) < 16 || s[4] != '-' || s[7] != '-' || s[13] != ':' {
		return at, 0, false
	}
	if s[10] != 'T' && s[10] != 't' && s[10] != ' ' {
		return at, 0, false
	}
	century, year := two(s[0:]), two(s[2:])
	month, day := two(s[5:]), two(s[8:])
	hour, minute, second := two(s[11:]), two(s[14:]), 0
	if n = 16; len(s) > n && s[n] == ':' {
		second, n = two(s[17:]), 19
	}
	if century|year|month|day|hour|minute|second < 0 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return at, 0, false
	}
	at = time.Date(100*century+year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return at, n, month > 0 && day > 0 && at.Day() == day // time.Date turns 30 February into 2 March
}

// clock reads times that are as events have them already: 2026-07-01T10:15:00Z, with a fraction or without. Rows that
// follow each other are mostly of one day, which it remembers.
type clock struct {
	date     [len(time.DateOnly)]byte
	midnight time.Time
}

// read returns the time; ok is false where that needs appendTime, or is none.
func (c *clock) read(s []byte) (t time.Time, ok bool) {
	last := len(s) - 1
	if last < 19 || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[last] != 'Z' {
		return t, false
	}
	if last > 19 && (s[19] != '.' || last == 20 || digitsLen(s[20:last]) != last-20) {
		return t, false
	}
	if string(c.date[:]) != string(s[:10]) {
		midnight, _, ok := parseWall(append(append(make([]byte, 0, 16), s[:10]...), "T00:00"...))
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

// fraction is the span that a point, or a comma, and digits stand for, cut to nanoseconds.
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
