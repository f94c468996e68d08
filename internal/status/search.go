package status

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
	"unique"

	"saveris-bridge/internal/schema"
)

// mostWords is how many words of a search count; a name has no more parts.
const mostWords = 4

// view is what is newest since a drawing of the picture. Searching takes its time in here, and not under the board's lock,
// which /metrics and the follower of 36,000 channels want as well.
type view struct {
	ranks  []rank // of all sensors, the silent ones first, then by their names
	usual  Recent // all but the sensors
	show   sync.Once
	shown  []Sensor // to whoever does not search; belongs to show
	sort   sync.Once
	newest []rank   // the same sensors, those that spoke last first; belongs to sort
	alarms []string // what alarms are searched by, in their order
}

// rank is a sensor with what its place depends on, as it was under the lock. Of the sensor itself only what never changes
// may be looked at without it.
type rank struct {
	*sensor
	newest int64 // ns since 1970
	last   uint64
	silent bool
	gone   bool
}

// ranks returns all sensors, the silent ones first and those that are gone last, and how many are silent, and gone. A channel is silent by an
// event that says so; where the fleet is not known, by what its readings show.
func (s *sensors) ranks(readings Feed, there *fleet, said func(*sensor) bool) (list []rank, silent, lost int) {
	list = make([]rank, 0, len(s.byKey))
	var rest, gone []rank
	moved := func(*sensor) bool { return false }
	if there.knows() {
		moved = s.moved()
	}
	for _, one := range s.ordered() {
		r := rank{sensor: one, newest: one.points[len(one.points)-1].at, last: one.heard, gone: there.gone(one.serial) || moved(one)}
		r.silent = !r.gone && (said(one) || !there.knows() && one.silentIn(readings))
		switch {
		case r.gone:
			gone = append(gone, r)
		case r.silent:
			list = append(list, r)
		default:
			rest = append(rest, r)
		}
	}
	return slices.Concat(list, rest, gone), len(list), len(gone)
}

// moved returns what reports whether the channel has been heard at another site since: then it is not where it was.
func (s *sensors) moved() func(*sensor) bool {
	type channel struct {
		tenant, quantity unique.Handle[string]
		serial, no       string
	}
	of := func(one *sensor) channel { return channel{one.tenant, one.quantity, one.serial, one.channel} }
	newest := map[channel]*sensor{}
	for _, one := range s.byKey {
		last := newest[of(one)]
		if last == nil || last.points[len(last.points)-1].at < one.points[len(one.points)-1].at {
			newest[of(one)] = one
		}
	}
	return func(one *sensor) bool { return newest[of(one)].site != one.site }
}

// Recent returns what the streams hold of late. Search picks sensors and alarms: each of its first four words is a part of
// something that names them, or of the text of an alarm, in any case.
func (b *Board) Recent(search string) Recent {
	v := b.view()
	v.show.Do(func() { v.shown = b.show(find(v.ranks, nil)) })
	r := v.usual
	r.Sensors = v.shown
	if words := wordsOf(search); len(words) > 0 {
		r.Sensors, r.Alarms = b.show(find(v.ranks, words)), v.findAlarms(words)
	}
	return r
}

// Newest is Recent with the sensors that spoke last first.
func (b *Board) Newest(search string) Recent {
	v := b.view()
	v.sort.Do(func() {
		v.newest = slices.SortedFunc(slices.Values(v.ranks), func(x, y rank) int {
			return cmp.Or(cmp.Compare(y.newest, x.newest), cmp.Compare(y.last, x.last))
		})
	})
	r, words := v.usual, wordsOf(search)
	r.Sensors = b.show(find(v.newest, words))
	if len(words) > 0 {
		r.Alarms = v.findAlarms(words)
	}
	return r
}

func (b *Board) view() *view {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.recent == nil {
		b.recent = b.look()
	}
	return b.recent
}

// look makes the view of what is known now.
func (b *Board) look() *view {
	v := &view{usual: Recent{
		Known: len(b.sensors.byKey), Alarms: b.alarms.show(), AlarmsSince: b.alarms.since(b.records.entries), Rejects: b.rejects(),
	}}
	v.ranks, v.usual.Silent, v.usual.Gone = b.sensors.ranks(b.summed[schema.Readings], b.fleet, b.saidSilent)
	v.usual.Open, v.usual.Severe = len(v.usual.Alarms), Severe(v.usual.Alarms)
	for _, a := range v.usual.Alarms {
		v.alarms = append(v.alarms, strings.ToLower(strings.Join([]string{a.Tenant, a.Site, a.Serial, a.Quantity, a.Severity, a.Text, a.Condition, a.Reason, a.Name, a.SiteName}, "\n")))
	}
	return v
}

// wordsOf returns the words that count, in lower case and as long as a name may be.
func wordsOf(search string) []string {
	words := make([]string, 0, mostWords)
	for word := range strings.FieldsSeq(search) {
		if len(word) > longestText {
			word = strings.ToValidUTF8(word[:longestText], "")
		}
		words = append(words, strings.ToLower(word))
		if len(words) == mostWords {
			break
		}
	}
	return words
}

// find returns the first ones of those that have all words.
func find(ranks []rank, words []string) []rank {
	found := make([]rank, 0, min(mostShown, len(ranks)))
	for _, one := range ranks {
		if matches(one.names, words) {
			if found = append(found, one); len(found) == mostShown {
				break
			}
		}
	}
	return found
}

// findAlarms returns the open alarms that have all words.
func (v *view) findAlarms(words []string) []Alarm {
	found := []Alarm{}
	for i, a := range v.usual.Alarms {
		if matches(v.alarms[i], words) {
			found = append(found, a)
		}
	}
	return found
}

// matches reports whether each word is a part of what something is searched by.
func matches(names string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(names, word) {
			return false
		}
	}
	return true
}

// show shows sensors with their points as of now.
func (b *Board) show(found []rank) []Sensor {
	points := make([][]point, len(found))
	b.mu.Lock()
	for i, one := range found {
		points[i] = slices.Clone(one.points)
	}
	b.mu.Unlock()
	list := make([]Sensor, len(found))
	for i, one := range found {
		list[i] = one.show(points[i])
		list[i].Silent, list[i].Gone = one.silent, one.gone
	}
	return list
}

func (s *sensor) show(points []point) Sensor {
	out := Sensor{
		Tenant: s.tenant.Value(), Site: s.site.Value(), Serial: s.serial, Channel: s.channel, Quantity: s.quantity.Value(), Unit: s.unit.Value(),
		Name: s.name.Value(), SiteName: s.siteName.Value(), Limits: readLimits(s.limits.Value()), Points: make([]Point, len(points)),
	}
	for i, p := range points {
		out.Points[i] = Point{At: time.Unix(0, p.at).UTC(), Value: number(p.value)}
	}
	return out
}
