package saveristest

import "time"

// stamp is the form of every time in a row: whole seconds, UTC (document 8.1).
const stamp = "2006-01-02T15:04:05Z"

// formatTime writes a time of a row; fractions only where a hand-made row has them.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if t.Nanosecond() != 0 {
		return t.UTC().Format("2006-01-02T15:04:05.999999999Z")
	}
	var b [20]byte
	return string(appendStamp(b[:0], t.Unix()))
}

// appendStamp is t.Format(stamp), four times as fast.
func appendStamp(b []byte, unix int64) []byte {
	days := floorDiv(unix, 86400)
	sec := unix - days*86400
	year, month, day := civil(days)
	b = append(b, byte('0'+year/1000), byte('0'+year/100%10))
	b = append(two(b, year%100), '-')
	b = append(two(b, month), '-')
	b = append(two(b, day), 'T')
	b = append(two(b, int(sec/3600)), ':')
	b = append(two(b, int(sec/60%60)), ':')
	return append(two(b, int(sec%60)), 'Z')
}

func two(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// civil turns days since 1970 into a date, for years 1 to 9999.
func civil(days int64) (year, month, day int) {
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	if mp >= 10 {
		month = int(mp - 9)
	}
	year = int(yoe + era*400)
	if month <= 2 {
		year++
	}
	return year, month, day
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// localText is the wall clock of the world, Central European Time, as the _local
// columns carry it: with a false Z (document) or with its offset (push, developer site).
func localText(t time.Time, suffix string) string {
	if t.IsZero() {
		return ""
	}
	unix := t.Unix()
	offset := int64(3600)
	if summer(unix) {
		offset = 7200
	}
	var b [25]byte
	out := appendStamp(b[:0], unix+offset)
	if suffix == "offset" {
		out = append(out[:len(out)-1], '+')
		out = append(two(out, int(offset/3600)), ":00"...)
	}
	return string(out)
}

// summer reports whether European summer time is on: from the last Sunday of
// March to the last of October, 01:00 UTC each. No zone database is needed.
func summer(unix int64) bool {
	days := floorDiv(unix, 86400)
	_, month, day := civil(days)
	if month < 3 || month > 10 {
		return false
	}
	if month > 3 && month < 10 {
		return true
	}
	weekday := int((days%7 + 11) % 7) // 1970-01-01 was a Thursday
	lastSunday := day - weekday + 7*((31-(day-weekday))/7)
	after := day > lastSunday || day == lastSunday && unix-days*86400 >= 3600
	return after == (month == 3)
}
