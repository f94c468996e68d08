package schema

import (
	"bytes"
	"time"
	_ "time/tzdata" // the image of the bridge has no zone database of its own
)

// zones are the places of the world whose clocks the vendor has named so far, nil for a name that is none. The zero value
// reads every time but those with such a name.
type zones map[string]*time.Location

const maxZones = 1000

// utc returns when it was the wall time in the zone that stands behind it: nothing, Z, UT, UTC or GMT, an offset (+hh:mm,
// +hhmm, +hh), or the name of a place as in Europe/Berlin. The zone may stand in brackets, as Java writes it; an offset in
// front of them counts. Where clocks go back an hour comes twice, and where they go forward one is left out: a time of
// those with a place alone is none. Abbreviations such as CET or EST mean too many things.
func (z zones) utc(wall time.Time, zone []byte) (time.Time, bool) {
	if open := bytes.IndexByte(zone, '['); open >= 0 {
		place, closed := bytes.CutSuffix(zone[open+1:], []byte("]"))
		if !closed || !isPlace(place) {
			return wall, false
		}
		if zone = bytes.TrimRight(zone[:open], " "); len(zone) == 0 {
			zone = place
		}
	}
	if isUTC(zone) {
		return wall, true
	}
	if offset, ok := parseOffset(zone); ok {
		return wall.Add(-offset), true
	}
	return z.in(wall, zone)
}

func isUTC(zone []byte) bool {
	switch len(zone) {
	case 0:
		return true
	case 1:
		return zone[0]|0x20 == 'z'
	default:
		return bytes.EqualFold(zone, []byte("UTC")) || bytes.EqualFold(zone, []byte("GMT")) || bytes.EqualFold(zone, []byte("UT"))
	}
}

// parseOffset reads how far the wall clock is ahead of UTC.
func parseOffset(s []byte) (time.Duration, bool) {
	if len(s) == 0 || s[0] != '+' && s[0] != '-' {
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

// in returns when clocks in the place showed the wall time; ok is false where they never did, or twice.
func (z zones) in(wall time.Time, name []byte) (at time.Time, ok bool) {
	place := z.find(name)
	if place == nil {
		return wall, false
	}
	at = time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, place)
	before, after := at.ZoneBounds()
	for _, near := range [...]time.Time{before.Add(-time.Second), after} {
		other := wall.Add(-aheadOfUTC(near))
		if !other.Equal(at) && other.Add(aheadOfUTC(other.In(place))).Equal(wall) {
			return wall, false
		}
	}
	return at.UTC(), at.UTC().Add(aheadOfUTC(at)).Equal(wall)
}

func aheadOfUTC(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// find returns the place of a name, nil where it is none.
func (z zones) find(name []byte) *time.Location {
	place, known := z[string(name)]
	if known || z == nil || !isPlace(name) || bytes.IndexByte(name, '/') < 0 {
		return place
	}
	place, err := time.LoadLocation(string(name))
	if err != nil {
		place = nil
	}
	if len(z) < maxZones {
		z[string(name)] = place
	}
	return place
}

// isPlace reports whether the text looks like the name of a zone.
func isPlace(name []byte) bool {
	for _, c := range name {
		if c != '/' && c != '+' && c != ':' && tokens[c&0x7f] != c {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 64
}
