package status

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Bounds of what is remembered of alarms.
const (
	alarmAge  = 30 * 24 * time.Hour // an alarm that was raised before that is shown no more
	maxOpen   = 10_000
	maxClosed = 50_000 // of which it is remembered that they are, for a raising that comes late
)

// alarms remembers which alarms are open. In which order it hears of raising and clearing does not matter: the time of the
// change decides.
type alarms struct{ byID map[string]*episode }

// episode is one alarm. Zero times are what has not been heard of.
type episode struct {
	raised, cleared time.Time // when its status became so
	Alarm
}

func (e *episode) open() bool { return e.raised.After(e.cleared) }

func newAlarms() *alarms { return &alarms{byID: map[string]*episode{}} }

// alarmData is the data of an alarm as far as it is looked at.
type alarmData struct {
	UUID, Tenant, Site, State, Severity, Condition, Reason, Quantity string

	Sensor struct {
		Serial string `json:"serial_no"`
	}
	Value      *json.Number
	Unit       string
	VendorUnit string    `json:"vendor_unit"`
	Source     string    `json:"source_alarm_event"`
	RaisedAt   time.Time `json:"raised_at"`
	ChangedAt  time.Time `json:"status_changed_at"` // zero for null
	ReceivedAt time.Time `json:"received_at"`
}

// take takes an alarm's event over, whose id as the header has it stands in for a missing uuid. It gives the times; ok is
// false where it is none.
func (a *alarms) take(id string, data []byte) (d alarmData, ok bool) {
	if json.Unmarshal(data, &d) != nil || d.RaisedAt.IsZero() {
		return d, false
	}
	key, changed := cmp.Or(d.UUID, alarmKey(id)), d.changed()
	switch d.State {
	case "raised":
		if e := a.episode(key); !changed.Before(e.raised) {
			e.raised, e.Alarm = changed, d.alarm(key)
		}
	case "cleared":
		a.clear(key, changed)
		if d.Source != "" { // a row of its own says which one it ends
			a.clear(d.Source, changed)
		}
	}
	a.trim()
	return d, true
}

// changed is when the status became what it is.
func (d alarmData) changed() time.Time {
	if d.ChangedAt.IsZero() {
		return d.RaisedAt
	}
	return d.ChangedAt
}

// alarmKey is the part of an event's id that is the same for all changes of an alarm: <key>.<status>.<time>[~<check>].
func alarmKey(id string) string {
	id, _, _ = strings.Cut(id, "~")
	for range 2 {
		if i := strings.LastIndexByte(id, '.'); i > 0 {
			id = id[:i]
		}
	}
	return id
}

func (a *alarms) episode(key string) *episode {
	key = shortened(key, longestText)
	e := a.byID[key]
	if e == nil {
		e = &episode{}
		a.byID[key] = e
	}
	return e
}

func (a *alarms) clear(key string, at time.Time) {
	e := a.episode(key)
	if at.After(e.cleared) {
		e.cleared = at
	}
	if !e.open() {
		e.Alarm = Alarm{}
	}
}

func (d alarmData) alarm(id string) Alarm {
	for _, text := range []*string{&d.Tenant, &d.Site, &d.Sensor.Serial, &d.Severity, &d.Condition, &d.Reason, &d.Quantity, &d.Unit, &d.VendorUnit} {
		*text = shortened(*text, longestText)
	}
	return Alarm{
		ID: shortened(id, longestText), At: d.RaisedAt.UTC(), Tenant: d.Tenant, Site: d.Site, Serial: d.Sensor.Serial, Severity: d.Severity,
		Condition: d.Condition, Reason: d.Reason, Quantity: d.Quantity, Value: d.Value, Unit: cmp.Or(d.Unit, d.VendorUnit),
	}
}

// trim forgets the oldest where there are too many.
func (a *alarms) trim() {
	if len(a.byID) <= maxOpen+maxClosed {
		return
	}
	keys := map[bool][]string{}
	for key, e := range a.byID {
		keys[e.open()] = append(keys[e.open()], key)
	}
	for open, most := range map[bool]int{true: maxOpen, false: maxClosed} {
		list := keys[open]
		slices.SortFunc(list, func(x, y string) int { return a.byID[x].last().Compare(a.byID[y].last()) })
		for _, key := range list[:max(0, len(list)-most*9/10)] {
			delete(a.byID, key)
		}
	}
}

func (e *episode) last() time.Time {
	if e.raised.After(e.cleared) {
		return e.raised
	}
	return e.cleared
}

// show gives the open alarms, newest first, and forgets those that are too old.
func (a *alarms) show(now time.Time) []Alarm {
	list := []Alarm{}
	for key, e := range a.byID {
		switch {
		case now.Sub(e.last()) > alarmAge:
			delete(a.byID, key)
		case e.open():
			list = append(list, e.Alarm)
		}
	}
	slices.SortFunc(list, func(x, y Alarm) int { return cmp.Or(y.At.Compare(x.At), cmp.Compare(x.ID, y.ID)) })
	return list[:min(maxOpen, len(list))]
}
