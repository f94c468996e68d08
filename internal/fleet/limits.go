package fleet

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"saveris-bridge/internal/schema"
)

// day is the length of a day in ms, as limits count it.
const day = 24 * 60 * 60 * 1000

// limit is one configuration of a part, in force from a time of day until another, by the clock on the wall; where that is
// earlier, over midnight.
type limit struct {
	from, until int    // ms
	unit        string // UCUM, as it is set
	texts       [2]limitText
}

// limitText is the limits as JSON in a unit.
type limitText struct{ unit, text string }

// limitsOf are those of a part whose unit is known. All channels of the part share them.
func (m *maker) limitsOf(part *object) []limit {
	all, made := m.limits[part]
	if made {
		return all
	}
	for _, configured := range part.inner {
		if l, ok := newLimit(configured); ok {
			all = append(all, l)
		}
	}
	key := ""
	for _, l := range all {
		key += fmt.Sprintln(l.from, l.until, l.unit, l.texts[0].text)
	}
	if others, there := m.equal[key]; there {
		all = others
	}
	m.limits[part], m.equal[key] = all, all
	return all
}

// limitColumns are the members of the object, in its order.
var limitColumns = [...]string{"lower_violation", "lower_warning", "upper_warning", "upper_violation"}

// newLimit reads a configuration. It says no to one in which no limit is set, or whose unit or times are not understood.
func newLimit(o *object) (limit, bool) {
	l := limit{unit: displayUnit(o.get("display_unit")), until: day}
	var values [len(limitColumns)]string
	set := false
	for i, column := range limitColumns {
		values[i] = o.get(column)
		set = set || values[i] != ""
	}
	okFrom := l.read(o.get("valid_from_time"), &l.from)
	okUntil := l.read(o.get("valid_until_time"), &l.until)
	if l.unit == "" || !set || !okFrom || !okUntil {
		return l, false
	}
	l.texts[0] = limitText{l.unit, limitsText(values, func(v float64) float64 { return v })}
	switch l.unit {
	case "Cel":
		l.texts[1] = limitText{"[degF]", limitsText(values, func(v float64) float64 { return v*9/5 + 32 })}
	case "[degF]":
		l.texts[1] = limitText{"Cel", limitsText(values, func(v float64) float64 { return (v - 32) * 5 / 9 })}
	case "hPa":
		l.texts[1] = limitText{"mbar", l.texts[0].text}
	case "mbar":
		l.texts[1] = limitText{"hPa", l.texts[0].text}
	}
	return l, true
}

// read reads a time of day; none leaves it as it is.
func (l *limit) read(literal string, into *int) bool {
	if literal == "" {
		return true
	}
	ms, err := strconv.ParseFloat(literal, 64)
	if err != nil || ms < 0 || ms > day {
		return false
	}
	*into = int(ms)
	return true
}

// displayUnit is the UCUM code of the word that equipment has for a unit (document, 8.7).
func displayUnit(word string) string {
	if strings.EqualFold(strings.ReplaceAll(word, "_", " "), "relative humidity") {
		return "%"
	}
	return schema.UnitCode([]byte(word))
}

func limitsText(values [len(limitColumns)]string, convert func(float64) float64) string {
	b := []byte("{")
	for i, literal := range values {
		b = appendName(b, 1, limitColumns[i])
		v, err := strconv.ParseFloat(literal, 64)
		if err != nil {
			b = append(b, "null"...)
			continue
		}
		if converted := convert(v); converted != v {
			literal = strconv.FormatFloat(math.Round(converted*1e6)/1e6, 'f', -1, 64) // 5/9 has no end
		}
		var ok bool
		if b, ok = schema.AppendNumber(b, []byte(literal)); !ok { // too great for the other unit: no limit
			b = append(b, "null"...)
		}
	}
	return string(append(b, '}'))
}

// in returns the limits in a unit, empty where they cannot be converted.
func (l *limit) in(unit string) string {
	for i := range l.texts {
		if l.texts[i].unit == unit {
			return l.texts[i].text
		}
	}
	return ""
}

// span is how much of a day they are in force, in ms.
func (l *limit) span() int {
	if l.until > l.from {
		return l.until - l.from
	}
	return l.until - l.from + day
}

// inForce reports whether they are in force at a moment. Where the tenant's zone is not known, only those of the whole day are.
func (l *limit) inForce(at time.Time, zone *time.Location) bool {
	if l.span() == day {
		return true
	}
	if zone == nil {
		return false
	}
	at = at.In(zone)
	hour, minute, second := at.Clock()
	ms := ((hour*60+minute)*60+second)*1000 + at.Nanosecond()/int(time.Millisecond)
	if l.from < l.until {
		return l.from <= ms && ms < l.until
	}
	return ms >= l.from || ms < l.until
}
