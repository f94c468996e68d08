package status

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/tail"
	"saveris-bridge/internal/words"
)

// Fleet is what there is at the vendor's, by the newest event of SAVERIS_DEVICES about each thing. Texts are the vendor's: whoever
// shows them has to escape them.
type Fleet struct {
	Devices  int       `json:"devices"`
	Channels int       `json:"channels"`
	LowCount int       `json:"low_battery_count"`
	Low      []Battery `json:"low_batteries"` // the lowest first, at most 20
	Changes  []Change  `json:"changes"`       // of tenants, sites and devices by their newest 200 messages, newest first, at most 20
}

// Battery is one that is low.
type Battery struct {
	Serial   string    `json:"serial"` // of the device
	Name     string    `json:"name"`   // what people call it, and its site; empty where that is not known
	SiteName string    `json:"site_name"`
	Percent  int       `json:"percent"`
	At       time.Time `json:"at"` // when it was seen
}

// Change is what has become of a thing of the fleet, or of several at once.
type Change struct {
	At       time.Time        `json:"at"`
	Kind     schema.FleetKind `json:"kind"`
	Key      string           `json:"key"`
	Name     string           `json:"name"`
	SiteName string           `json:"site_name"`
	Text     string           `json:"text"`
	Count    int              `json:"count"` // of things that are new; 1 for anything else
}

// How much of the fleet is listed.
const (
	mostBatteries = 20
	mostChanges   = 20
	mostNews      = 200 // messages that changes are listed by
)

// fleet is what a board knows of it.
type fleet struct {
	called    *tail.Fleet
	devices   map[string]device  // by subject
	channels  int                // of all of them
	sensors   map[string]int     // how many devices have a sensor of this serial number
	due       map[string]int     // how many devices have this channel and are to be heard of it, see tail.Change
	batteries map[string]battery // that are low, by subject

	news    []told   // the newest messages about what is listed, oldest first
	changes []Change // what the news come to, newest first
	stale   bool     // they come to something else
}

// device is what is counted of one.
type device struct {
	channels     int
	serials, due []string // see tail.Change
}

// battery is one that is low.
type battery struct {
	serial  string
	percent int
	at      time.Time
}

// told is a message about a thing of the fleet.
type told struct {
	seq    uint64
	stored time.Time
	at     time.Time // of the event
	data   []byte
}

func newFleet() *fleet {
	return &fleet{called: tail.NewFleet(), devices: map[string]device{}, sensors: map[string]int{}, due: map[string]int{}, batteries: map[string]battery{}}
}

// followFleet follows what there is, and what becomes of it.
func (b *Board) followFleet() *tail.Follow {
	all := b.config.Names.Prefix + "." + string(schema.Devices) + "."
	return &tail.Follow{
		Stream: b.config.Names.Stream(schema.Devices), Filters: []string{all + ">"},
		Begin: func(ctx context.Context, stream jetstream.Stream, _ bool) (jetstream.OrderedConsumerConfig, error) {
			known := newFleet()
			newest, err := newestListed(ctx, stream, all)
			if err == nil {
				err = tail.Stored(ctx, stream, newest, func(m tail.Message) bool {
					known.note(m)
					return true
				})
			}
			if err != nil {
				return newest, err
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.fleet = known
			return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy}, nil
		},
		Each: func(m tail.Message) error {
			kind, _, _ := strings.Cut(m.Subject()[len(all):], ".")
			shown := slices.Contains(listed, schema.FleetKind(kind))
			if shown {
				b.fleet.note(m)
			}
			if shown || schema.FleetKind(kind) == schema.KindDeviceStatus { // the others are not shown
				b.fleet.take(m)
			}
			return nil
		},
	}
}

// listed are the kinds whose changes are listed.
var listed = []schema.FleetKind{schema.KindTenant, schema.KindLocation, schema.KindDevice}

// newestListed begins with the newest messages of the kinds that are listed: mostNews of them or more, or all there are.
func newestListed(ctx context.Context, stream jetstream.Stream, all string) (config jetstream.OrderedConsumerConfig, err error) {
	config.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
	for _, kind := range listed {
		config.FilterSubjects = append(config.FilterSubjects, all+string(kind)+".>")
	}
	last := stream.CachedInfo().State.LastSeq
	for span := uint64(mostNews); ; span *= 10 { // those of other kinds between them may be many
		config.OptStartSeq = 1
		if span < last {
			config.OptStartSeq = last - span + 1
		}
		n, err := pending(ctx, stream, config)
		if err != nil || n >= mostNews || config.OptStartSeq == 1 {
			return config, err
		}
	}
}

// note takes note of a message of what is listed, unless it is older than another one. The list goes by nothing else, so that it is the
// same for all, whenever they have begun to look.
func (f *fleet) note(m tail.Message) {
	if n := len(f.news); n > 0 && m.Seq <= f.news[n-1].seq && !m.At.After(f.news[n-1].stored) {
		return
	}
	attributes, data := m.Event()
	f.news = append(f.news, told{m.Seq, m.At, timeOf(attributes), data})
	f.news = slices.Delete(f.news, 0, max(0, len(f.news)-mostNews))
	f.stale = true
}

func (f *fleet) take(m tail.Message) {
	attributes, data := m.Event()
	c, err := f.called.Take(data, timeOf(attributes))
	if err != nil || c.Key == "" {
		return // somebody else's
	}
	switch c.Kind {
	case schema.KindLocation, schema.KindTenant:
		f.stale = true // it names sites
	case schema.KindDevice:
		f.count(m.Subject(), c)
	case schema.KindDeviceStatus:
		delete(f.batteries, m.Subject())
		if c.Battery != nil && *c.Battery <= tail.LowBattery && !c.Removed {
			f.batteries[m.Subject()] = battery{c.Serials[0], *c.Battery, c.At}
		}
	}
}

// list makes the changes of the news.
func (f *fleet) list() {
	f.changes, f.stale = nil, false
	sites := f.called.Sites()
	for _, n := range f.news {
		if c, err := sites.Take(n.data, n.at); err == nil && c.Key != "" {
			f.changed(c)
		}
	}
}

// count takes a device over, or that it is gone.
func (f *fleet) count(subject string, c tail.Change) {
	old := f.devices[subject]
	f.channels -= old.channels
	for _, serial := range old.serials {
		f.sensors[serial]--
	}
	for _, channel := range old.due {
		f.due[channel]--
	}
	delete(f.devices, subject)
	if c.Removed {
		return
	}
	f.devices[subject] = device{c.Channels, c.Serials, c.Due}
	f.channels += c.Channels
	for _, serial := range c.Serials {
		f.sensors[serial]++
	}
	for _, channel := range c.Due {
		f.due[channel]++
	}
}

// changed takes over what is listed. What is new at one time is one change, for the first look finds all there is.
func (f *fleet) changed(c tail.Change) {
	for i := range f.changes {
		if one := &f.changes[i]; c.New && one.At.Equal(c.At) && one.Kind == c.Kind && one.Text == c.Text {
			one.Count++
			one.Key, one.Name, one.SiteName = "", "", ""
			return
		}
	}
	at, _ := slices.BinarySearchFunc(f.changes, c.At, func(one Change, at time.Time) int { return at.Compare(one.At) })
	if at >= mostChanges {
		return
	}
	one := Change{At: c.At, Kind: c.Kind, Key: c.Key, Name: words.Shortened(c.Name, longestText), SiteName: words.Shortened(c.Site, longestText), Text: words.Shortened(c.Text, longestNote), Count: 1}
	f.changes = slices.Insert(f.changes, at, one)
	f.changes = f.changes[:min(mostChanges, len(f.changes))]
}

// knows reports whether anything is known of the fleet.
func (f *fleet) knows() bool { return f != nil && len(f.devices) > 0 }

// gone reports whether a sensor belongs to no device that is there.
func (f *fleet) gone(serial string) bool { return f.knows() && f.sensors[serial] <= 0 }

// expects reports whether readings of a channel are due: not of one that is gone or switched off. All are where nothing is known.
func (f *fleet) expects(channel string) bool { return !f.knows() || f.due[channel] > 0 }

// sumUp returns what is shown; nil where nothing is known.
func (f *fleet) sumUp() *Fleet {
	if f == nil {
		return nil
	}
	if f.stale {
		f.list()
	}
	if !f.knows() && len(f.changes) == 0 {
		return nil
	}
	out := &Fleet{Devices: len(f.devices), Channels: f.channels, LowCount: len(f.batteries), Low: []Battery{}, Changes: append([]Change{}, f.changes...)}
	low := slices.SortedFunc(maps.Values(f.batteries), func(x, y battery) int { return cmp.Or(x.percent-y.percent, strings.Compare(x.serial, y.serial)) })
	for _, one := range low[:min(mostBatteries, len(low))] {
		name, site := f.called.NameOf(one.serial)
		out.Low = append(out.Low, Battery{words.Shortened(one.serial, longestText), words.Shortened(name, longestText), words.Shortened(site, longestText), one.percent, one.at.UTC()})
	}
	return out
}

// shownFleet is how many low batteries and changes are named.
const shownFleet = 5

// fleetText says what there is, which batteries are low, and what has become of things; empty where nothing is known.
func (r Report) fleetText() string {
	if r.Fleet == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nfleet\n  %s, %s\n", words.Count(r.Fleet.Devices, "device"), words.Count(r.Fleet.Channels, "channel"))
	for _, one := range r.Fleet.Low[:min(shownFleet, len(r.Fleet.Low))] {
		fmt.Fprintf(&b, "  battery low, %d %%: %s\n", one.Percent, whose(one.Name, one.Serial, one.SiteName))
	}
	if more := r.Fleet.LowCount - shownFleet; more > 0 {
		fmt.Fprintf(&b, "  and %s more with a low battery\n", words.Count(more, "device"))
	}
	for _, c := range r.Fleet.Changes[:min(shownFleet, len(r.Fleet.Changes))] {
		fmt.Fprintf(&b, "  %s  %s\n", words.Time(c.At), c.line())
	}
	return b.String()
}

// line says what has become of something.
func (c Change) line() string {
	if c.Count > 1 {
		return fmt.Sprintf("%d × %s", c.Count, printable.Text(c.Text))
	}
	return printable.Text(c.Text) + ": " + whose(c.Name, c.Key, c.SiteName)
}

// whose joins what there is of a name, what tells it apart, and a site.
func whose(parts ...string) string {
	var known []string
	for _, part := range parts {
		if part != "" {
			known = append(known, printable.Text(part))
		}
	}
	return strings.Join(known, ", ")
}
