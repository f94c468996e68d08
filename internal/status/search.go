package status

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// mostWords is how many words of a search count; a name has no more parts.
const mostWords = 4

// view is what is newest since a drawing of the picture. Searching takes its time in here, and not under the board's lock,
// which /metrics and the follower of 36,000 channels want as well.
type view struct {
	ranks []rank // of all sensors, sorted by order
	sort  sync.Once
	usual Recent // what is shown to whoever does not search; its sensors belong to sort
}

// rank is a sensor with what its place depends on, as it was under the lock. Of the sensor itself only what never changes
// may be looked at without it.
type rank struct {
	*sensor
	newest int64 // ns since 1970
	last   uint64
}

// ranks gives all sensors, in no order.
func (s *sensors) ranks() []rank {
	list := make([]rank, 0, len(s.byKey))
	for _, one := range s.byKey {
		list = append(list, rank{one, one.points[len(one.points)-1].at, one.heard})
	}
	return list
}

// Recent gives what is newest. Search picks sensors: each of its first four words is a part of something that names them, in
// any case.
func (b *Board) Recent(search string) Recent {
	v := b.view()
	v.sort.Do(func() {
		slices.SortFunc(v.ranks, func(x, y rank) int { return cmp.Or(cmp.Compare(y.newest, x.newest), cmp.Compare(y.last, x.last)) })
		v.usual.Sensors = b.show(v.find(nil))
	})
	r := v.usual
	if words := wordsOf(search); len(words) > 0 {
		r.Sensors = b.show(v.find(words))
	}
	return r
}

func (b *Board) view() *view {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.recent == nil {
		b.recent = &view{ranks: b.sensors.ranks(), usual: Recent{
			Known: len(b.sensors.byKey), Alarms: b.alarms.show(), AlarmsSince: b.alarms.since(b.records.entries), Rejects: b.rejects(),
		}}
	}
	return b.recent
}

// wordsOf gives the words that count, in lower case and as long as a name may be.
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

// find gives the first ones of those that have all words.
func (v *view) find(words []string) []rank {
	found := make([]rank, 0, min(mostShown, len(v.ranks)))
	for _, one := range v.ranks {
		if one.matches(words) {
			if found = append(found, one); len(found) == mostShown {
				break
			}
		}
	}
	return found
}

// matches tells whether each word is a part of something that names the sensor.
func (s *sensor) matches(words []string) bool {
	for _, word := range words {
		if !strings.Contains(s.names, word) {
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
	}
	return list
}

func (s *sensor) show(points []point) Sensor {
	out := Sensor{
		Tenant: s.tenant.Value(), Site: s.site.Value(), Serial: s.serial, Channel: s.channel, Quantity: s.quantity.Value(), Unit: s.unit.Value(),
		Points: make([]Point, len(points)),
	}
	for i, p := range points {
		out.Points[i] = Point{At: time.Unix(0, p.at).UTC(), Value: number(p.value)}
	}
	return out
}
