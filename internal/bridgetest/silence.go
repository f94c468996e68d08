package bridgetest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/saveris/saveristest"
)

// SilenceRule is what a channel is silent by, and who polls.
type SilenceRule struct {
	Cycle, Communication time.Duration
	After                int // cycles
	Start                time.Time
	Interval             time.Duration // between polls
	Feeds                []string
	Ahead                time.Duration // the vendor's clock before the broker's
}

// patience is how long a channel may be without a reading, bridgePatience how long a feed may be without a poll.
func (r SilenceRule) patience() time.Duration {
	return time.Duration(r.After)*r.Cycle + r.Communication
}
func (r SilenceRule) bridgePatience() time.Duration { return max(3*r.Interval, time.Minute) }

// heardFor is how long a channel has to be silent while all is well and the feed is polled, for that to have to be stored. It may take a
// bridge on a busy machine nearly as long to judge what it has polled.
const heardFor = 20 * time.Second

// AuditSilence audits the stream of silence. A channel's silence is right where no reading of it that had been measured by then could be
// seen when it was due; it is stored once, and its end once, when there is a later reading, with the number of those that were missing
// then. It has to be stored where it lasts while all is quiet and the channel is known. A feed's silence is right where no poll of it was
// stored meanwhile, and has its end.
func AuditSilence(ctx context.Context, js jetstream.JetStream, vendor *saveristest.Server, rule SilenceRule, quiet Quiet) (*AuditReport, error) {
	all, err := readOn(ctx, js, "SAVERIS_HEALTH", "saveris.health.>")
	if err != nil {
		return nil, err
	}
	polls := map[string][]poll{}
	for _, feed := range rule.Feeds {
		if polls[feed], err = pollsOf(ctx, js, feed, rule); err != nil {
			return nil, err
		}
	}
	a := &silenceAudit{rule: rule, quiet: quiet, polls: polls, heard: heardOf(vendor, rule, quiet), report: &AuditReport{Stored: len(all)}, told: map[string]bool{}}
	if a.known, err = knownSensors(ctx, js, rule); err != nil {
		return nil, err
	}
	ids, open := map[string]bool{}, map[string]storedSilence{}
	for _, m := range all {
		if ids[m.event.id] {
			a.report.wrong(&a.report.Doubled, "doubled: %s at sequence %d", m.event.id, m.seq)
		}
		ids[m.event.id] = true
		s, err := readSilence(m)
		if err != nil {
			a.report.wrong(&a.report.Unexpected, "unexpected: %s at sequence %d: %v", m.event.id, m.seq, err)
			continue
		}
		before, isOpen := open[m.subject]
		switch {
		case s.resumed && (!isOpen || before.last != s.last):
			a.report.wrong(&a.report.Unexpected, "unexpected: %s at sequence %d ends nothing", s.id, s.seq)
		case !s.resumed && isOpen && before.channel == s.channel:
			a.report.wrong(&a.report.Doubled, "doubled: %s at sequence %d has not ended", before.id, before.seq)
		}
		if open[m.subject] = s; s.resumed {
			delete(open, m.subject)
		}
		a.take(s)
	}
	for _, s := range open {
		a.stillOpen(s)
	}
	a.mustBe(vendor)
	return a.report, nil
}

type silenceAudit struct {
	rule   SilenceRule
	quiet  Quiet
	polls  map[string][]poll
	heard  map[string][]heardAt // by sensor and channel
	known  map[string]time.Time // since when the bridges know a sensor, by the vendor's clock
	told   map[string]bool      // silences that are stored: channel and last reading
	report *AuditReport
}

// storedSilence is a stored event of silence.
type storedSilence struct {
	id            string
	seq           uint64
	feed, channel string // one of them
	resumed       bool
	last, due     time.Time
	missing       int
	at            time.Time
}

func readSilence(m message) (s storedSilence, err error) {
	var d struct {
		Feed   string
		Sensor struct {
			UUID    string
			Channel int `json:"channel_no"`
		}
		LastAt  *time.Time `json:"last_at"`
		DueAt   time.Time  `json:"due_at"`
		Missing *int
	}
	if err := json.Unmarshal(m.event.body, &d); err != nil {
		return s, err
	}
	s = storedSilence{id: m.event.id, seq: m.seq, feed: d.Feed, resumed: strings.HasSuffix(m.event.kind, ".resumed.v1"), due: d.DueAt, at: m.event.at}
	kind := "bridge"
	if d.Feed == "" {
		kind, s.channel = "sensor", channelName(d.Sensor.UUID, d.Sensor.Channel)
	}
	if d.LastAt != nil {
		s.last = *d.LastAt
	}
	if d.Missing != nil {
		s.missing = *d.Missing
	}
	what := map[bool]string{true: "resumed", false: "silent"}[s.resumed]
	if m.event.kind != "saveris."+kind+"."+what+".v1" || (d.Missing != nil) != (s.resumed && d.Feed == "") || strings.Split(m.subject, ".")[2] != kind {
		return s, fmt.Errorf("%s on %s: %s", m.event.kind, m.subject, m.event.body)
	}
	return s, nil
}

func channelName(sensor string, no int) string { return fmt.Sprintf("%s/%d", sensor, no) }

func sensorOf(channel string) string {
	sensor, _, _ := strings.Cut(channel, "/")
	return sensor
}

// heardAt is a reading of a channel, and from when on it could be seen.
type heardAt struct{ at, visible time.Time }

// heardOf are the readings of all channels by time.
func heardOf(vendor *saveristest.Server, rule SilenceRule, quiet Quiet) map[string][]heardAt {
	heard := map[string][]heardAt{}
	for m := range vendor.Measurements(rule.Start, quiet.Stopped, quiet.Stopped.Add(24*time.Hour)) {
		name := channelName(m.SensorUUID, m.ChannelNo)
		heard[name] = append(heard[name], heardAt{m.Timestamp, m.VisibleAt})
	}
	for _, list := range heard {
		slices.SortFunc(list, func(a, b heardAt) int { return cmp.Or(a.at.Compare(b.at), a.visible.Compare(b.visible)) })
	}
	return heard
}

// take judges one event.
func (a *silenceAudit) take(s storedSilence) {
	switch {
	case s.feed != "":
		a.takeBridge(s)
	case s.resumed:
		a.takeResumed(s)
	default:
		a.takeSilent(s)
	}
}

func (a *silenceAudit) takeSilent(s storedSilence) {
	a.told[s.channel+" "+s.last.String()] = true
	list := a.heard[s.channel]
	if len(list) == 0 || !s.last.IsZero() && (s.due != s.last.Add(a.rule.patience()) || !slices.ContainsFunc(list, func(h heardAt) bool { return h.at.Equal(s.last) })) {
		a.report.wrong(&a.report.Wrong, "wrong: %s, silent since %v, due at %v, has %d readings, none then", s.id, s.last, s.due, len(list))
		return
	}
	for _, h := range list {
		if h.at.After(s.last) && !h.at.After(s.due) && !h.visible.After(s.due) {
			a.report.wrong(&a.report.Wrong, "wrong: %s was due at %v, and its reading of %v could be seen at %v", s.id, s.due, h.at, h.visible)
			return
		}
	}
}

// takeResumed looks whether so many readings were missing at any moment at which it may have been heard.
func (a *silenceAudit) takeResumed(s storedSilence) {
	var seen []heardAt
	for _, h := range a.heard[s.channel] {
		if h.at.After(s.last) && !h.visible.After(s.at) {
			seen = append(seen, h)
		}
	}
	slices.SortFunc(seen, func(x, y heardAt) int { return x.visible.Compare(y.visible) })
	var could []int
	newest := time.Time{}
	for i, h := range seen {
		if h.at.After(newest) {
			newest = h.at
		}
		if i+1 < len(seen) && seen[i+1].visible.Equal(h.visible) {
			continue
		}
		missing := 0
		if !s.last.IsZero() {
			slots := int((newest.Sub(s.last) + a.rule.Cycle/2) / a.rule.Cycle)
			missing = max(0, slots-1-i)
		}
		could = append(could, missing)
	}
	if !slices.Contains(could, s.missing) {
		a.report.wrong(&a.report.Wrong, "wrong: %s at %v says that %d are missing, it could be %v", s.id, s.at, s.missing, could)
	}
}

// takeBridge looks whether a poll was stored while there was none.
func (a *silenceAudit) takeBridge(s storedSilence) {
	if s.resumed {
		return
	}
	if s.due.Sub(s.last) != a.rule.bridgePatience() {
		a.report.wrong(&a.report.Wrong, "wrong: %s is due at %v", s.id, s.due)
	}
	for _, p := range a.polls[s.feed] {
		if p.stored.After(s.last.Add(2*time.Second)) && p.stored.Before(s.due.Add(-time.Second)) {
			a.report.wrong(&a.report.Wrong, "wrong: %s was due at %v, and a poll was stored at %v", s.id, s.due, p.stored)
			return
		}
	}
}

// stillOpen judges a silence that has not ended.
func (a *silenceAudit) stillOpen(s storedSilence) {
	if s.feed != "" {
		if s.due.Add(a.rule.Ahead).After(a.quiet.Stopped) {
			return
		}
		a.report.wrong(&a.report.Missing, "missing: the end of %s", s.id)
		return
	}
	for _, h := range a.heard[s.channel] {
		if !h.at.After(s.last) {
			continue
		}
		if first, last := a.within(a.polls["readings"], h.at, h.visible, a.quiet.Stopped); h.visible.Before(a.quiet.Since) || last.Sub(first) >= heardFor {
			a.report.wrong(&a.report.Missing, "missing: the end of %s, which could be heard again at %v", s.id, h.visible)
			return
		}
	}
}

// mustBe looks for silences that lasted while all was quiet, and are not stored.
func (a *silenceAudit) mustBe(vendor *saveristest.Server) {
	polls := a.polls["readings"]
	devices := map[int64]map[string]bool{} // channels that are active, by second
	active := func(at time.Time, channel string) bool {
		if devices[at.Unix()] == nil {
			devices[at.Unix()] = activeChannels(vendor.Fleet(at))
		}
		return devices[at.Unix()][channel]
	}
	for channel, list := range a.heard {
		for i, h := range list {
			due := h.at.Add(a.rule.patience())
			if due.Before(a.quiet.Began) && h.visible.Before(a.quiet.Began) {
				continue
			}
			back := a.quiet.Stopped
			for _, later := range list[i+1:] {
				if later.visible.Before(back) {
					back = later.visible
				}
			}
			from := due
			for _, at := range []time.Time{h.visible, a.known[sensorOf(channel)]} {
				if at.After(from) {
					from = at
				}
			}
			if a.known[sensorOf(channel)].IsZero() || back.Sub(from) < heardFor {
				continue
			}
			first, last := a.within(polls, due, from, back)
			if last.Sub(first) < heardFor || !a.always(active, channel, first.Add(-10*time.Second), last) {
				continue
			}
			if a.report.Due++; !a.told[channel+" "+h.at.String()] {
				a.report.wrong(&a.report.Missing, "missing: the silence of %s since %v, which was polled from %v until %v", channel, h.at, first, last)
			}
		}
	}
}

// always reports whether a channel is active in each second of a span.
func (a *silenceAudit) always(active func(time.Time, string) bool, channel string, from, until time.Time) bool {
	for at := from; at.Before(until); at = at.Add(time.Second) {
		if !active(at, channel) {
			return false
		}
	}
	return true
}

// within returns the first and the last poll that was stored between two moments, while all was quiet, and that has read what was due.
func (a *silenceAudit) within(polls []poll, due, from, until time.Time) (first, last time.Time) {
	for _, p := range polls {
		stored := p.stored.Add(a.rule.Ahead)
		if stored.Before(a.quiet.Since) || !p.until.After(due) || stored.Before(from) || !stored.Before(until) {
			continue
		}
		if last = stored; first.IsZero() {
			first = stored
		}
	}
	return first, last
}

// knownSensors lists since when the stream of the fleet has each sensor. One that nobody has seen yet is not missed.
func knownSensors(ctx context.Context, js jetstream.JetStream, rule SilenceRule) (map[string]time.Time, error) {
	devices, err := readOn(ctx, js, "SAVERIS_DEVICES", "saveris.devices.device.>")
	if err != nil {
		return nil, err
	}
	known := map[string]time.Time{}
	for _, m := range devices {
		var d struct {
			Document struct {
				Sensors []struct {
					UUID string `json:"sensor_uuid"`
				}
			}
		}
		if err := json.Unmarshal(m.event.body, &d); err != nil {
			return nil, err
		}
		for _, s := range d.Document.Sensors {
			if _, is := known[s.UUID]; !is {
				known[s.UUID] = m.at.Add(rule.Ahead)
			}
		}
	}
	return known, nil
}

func activeChannels(f saveristest.Fleet) map[string]bool {
	list := map[string]bool{}
	for _, d := range f.Devices {
		for _, s := range d.Sensors {
			for _, c := range s.Channels {
				if d.IsActive {
					list[channelName(s.SensorUUID, c.ChannelNo)] = true
				}
			}
		}
	}
	return list
}

// poll is a record that was stored by a poll of what is newest.
type poll struct {
	stored time.Time // by the broker's clock
	until  time.Time // what was read, by the vendor's
}

// pollsOf lists the polls of a feed that its stream still tells of.
func pollsOf(ctx context.Context, js jetstream.JetStream, feed string, rule SilenceRule) (list []poll, err error) {
	records, err := readOn(ctx, js, "SAVERIS_"+strings.ToUpper(feed), "saveris.checkpoints."+feed+".>")
	if err != nil {
		return nil, err
	}
	for _, m := range records {
		var r struct{ Covered []struct{ Until time.Time } }
		if err := json.Unmarshal(m.body, &r); err != nil {
			return nil, err
		}
		if n := len(r.Covered); n > 0 && m.at.Add(rule.Ahead).Sub(r.Covered[n-1].Until) < 5*time.Second {
			list = append(list, poll{m.at, r.Covered[n-1].Until})
		}
	}
	return list, nil
}
