package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
	"saveris-bridge/internal/words"
)

// picture is what can be seen of a source. It may be used by many goroutines.
type picture struct {
	source  Source
	options Options

	mu     sync.Mutex
	usual  parts           // what pages that have chosen nothing are sent
	usuals <-chan struct{} // the source's Changed when usual was drawn
}

// parts are what a page is sent, each as JSON.
type parts map[string]json.RawMessage

// choice is what a page has asked to see.
type choice struct {
	search string
	year   string // of the calendar, empty for the last 53 weeks
	newest bool   // sensors that spoke last come first
}

var aYear = regexp.MustCompile(`^\d{4}$`)

func chosen(q url.Values) choice {
	c := choice{search: words.Shortened(q.Get("q"), longestText), year: q.Get("year"), newest: q.Get("order") == "newest"}
	if !aYear.MatchString(c.year) {
		c.year = ""
	}
	return c
}

// about is what a page has to know of the bridge itself.
type about struct {
	Version string     `json:"version"`
	Whose   string     `json:"whose"`
	Poll    float64    `json:"poll_seconds"`
	Quiet   float64    `json:"quiet_seconds"`
	Stale   float64    `json:"stale_seconds"` // how long a backfill may publish nothing
	Looked  *time.Time `json:"looked_at"`     // when this bridge last looked at the fleet; nil where it has not
}

func (p *picture) about() about {
	a := about{p.options.Version, words.Shortened(p.options.Whose, longestText), p.options.Poll.Seconds(), p.options.Quiet.Seconds(), status.StaleAfter.Seconds(), nil}
	if p.options.Process != nil {
		if looked := p.options.Process().Looked.UTC(); !looked.IsZero() {
			a.Looked = &looked
		}
	}
	return a
}

// verdict is whether all is well, as of now.
type verdict struct {
	OK       bool             `json:"ok"`
	Problems []status.Problem `json:"problems"`
	Lost     *time.Time       `json:"lost"` // since when this bridge has no connection to NATS
}

// verdict is the one of everybody (status.Status.Problems). It is not a part that changes with the source: a standstill shows
// in that nothing changes.
func (p *picture) verdict() verdict {
	rules := status.Rules{Poll: p.options.Poll, Quiet: p.options.Quiet}
	if p.options.Process != nil {
		rules.Process = p.options.Process()
	}
	v := verdict{Problems: p.source.Status().Problems(rules)}
	v.OK = len(v.Problems) == 0
	if lost := rules.Process.Lost.UTC(); !lost.IsZero() {
		v.Lost = &lost
	}
	for i := range v.Problems {
		cut(longestText, &v.Problems[i].Feed)
		cut(longestError, &v.Problems[i].Text)
	}
	return v
}

// ServeHTTP returns the whole picture to scripts.
func (p *picture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, recent := p.verdict(), p.recent(chosen(r.URL.Query()))
	body, err := json.Marshal(map[string]any{
		"ok":            v.OK,
		"severe_alarms": recent.Severe,
		"problems":      v.Problems,
		"bridge":        p.about(),
		"status":        p.source.Status(),
		"recent":        bounded(recent),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(body, '\n')) // whoever asked is gone
}

func (p *picture) recent(c choice) status.Recent {
	if c.newest {
		return p.source.Newest(c.search)
	}
	return p.source.Recent(c.search)
}

// parts returns the picture as it is since the source's Changed was changed. Pages that have chosen nothing share theirs.
func (p *picture) parts(c choice, changed <-chan struct{}) (parts, error) {
	if c != (choice{}) {
		return p.draw(c)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.usual != nil && p.usuals == changed {
		return p.usual, nil
	}
	drawn, err := p.draw(c)
	if err == nil {
		p.usual, p.usuals = drawn, changed
	}
	return drawn, err
}

func (p *picture) draw(c choice) (parts, error) {
	now, all := p.source.Status(), p.recent(c)
	some := bounded(all)
	drawn := parts{}
	for name, part := range map[string]any{
		"bridge":    p.about(),
		"feeds":     feeds(now.Feeds),
		"days":      days(now, c.year),
		"years":     years(now.Feeds),
		"backfills": backfills(now.Backfills),
		"sensors":   some.Sensors,
		"alarms":    status.Together(some.Alarms),
		"known":     map[string]*time.Time{"alarms": some.AlarmsSince},
		"rejects":   grouped(all.Rejects),
		"silent":    silentOf(now.Silent),
		"fleet":     fleetOf(now.Fleet),
		"counts":    map[string]int{"sensors": all.Known, "silent": all.Silent, "gone": all.Gone, "alarms": all.Open, "severe": all.Severe, "found": len(all.Alarms)},
	} {
		body, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		drawn[name] = body
	}
	return drawn, nil
}

// feed is a feed as a page is sent it: without its days, and of its gaps no more than can be read.
type feed struct {
	status.Feed
	Days       []status.Day `json:"days,omitempty"`
	GapCount   int          `json:"gap_count"`
	GapSeconds float64      `json:"gap_seconds"`
	PartCount  int          `json:"partly_count"`
}

func feeds(all []status.Feed) []feed {
	list := make([]feed, len(all))
	for i, f := range all {
		one := feed{Feed: f, GapCount: len(f.Gaps), PartCount: len(f.Partly)}
		for _, gap := range f.Gaps {
			one.GapSeconds += gap.Width().Seconds()
		}
		one.Feed.Days, one.Gaps = nil, head(f.Gaps, mostGaps)
		one.Partly = tail(f.Partly, mostGaps)
		cut(longestText, &one.Writer, &one.Leader)
		cut(longestText, &one.Feed.Feed)
		list[i] = one
	}
	return list
}

// days are those of a year, or of the last 53 weeks and what is yet to come.
func days(now status.Status, year string) map[schema.Feed][]status.Day {
	first, last := now.At.UTC().AddDate(0, 0, -53*7).Format(time.DateOnly), "9999"
	if year != "" {
		first, last = year, year+"-99"
	}
	byFeed := map[schema.Feed][]status.Day{}
	for _, f := range now.Feeds {
		cut(longestText, &f.Feed)
		byFeed[f.Feed] = []status.Day{}
		for _, day := range f.Days {
			if day.Day >= first && day.Day <= last {
				byFeed[f.Feed] = append(byFeed[f.Feed], day)
			}
		}
	}
	return byFeed
}

func backfills(all []status.Backfill) []status.Backfill {
	list := head(all, mostBackfills)
	for i := range list {
		b := &list[i]
		cut(longestText, &b.ID, &b.Worker)
		b.Feeds = head(b.Feeds, 2)
		for j := range b.Feeds {
			cut(longestText, &b.Feeds[j])
		}
		if b.Error != nil {
			b.Error = new(words.Shortened(*b.Error, longestError))
		}
	}
	return list
}

// silent are the channels that should have been heard and were not: where they are many, only how many and since when.
type silent struct {
	Count    int              `json:"count"`
	Since    *time.Time       `json:"since"` // when the first of them was due; nil where there is none
	Channels []status.Silence `json:"channels"`
}

func silentOf(all []status.Silence) silent {
	s := silent{Count: len(all), Channels: []status.Silence{}}
	for i := range all {
		if due := all[i].DueAt; s.Since == nil || due.Before(*s.Since) {
			s.Since = &due
		}
	}
	if len(all) <= mostSilent {
		s.Channels = head(all, mostSilent)
	}
	for i := range s.Channels {
		one := &s.Channels[i]
		cut(longestText, &one.Tenant, &one.Site, &one.Serial, &one.Channel, &one.Name, &one.SiteName)
	}
	return s
}

// fleetOf is nil where nothing is known of the fleet.
func fleetOf(known *status.Fleet) *status.Fleet {
	if known == nil {
		return nil
	}
	f := *known
	f.Low, f.Changes = head(f.Low, mostFleet), head(f.Changes, mostFleet)
	for i := range f.Low {
		cut(longestText, &f.Low[i].Serial, &f.Low[i].Name, &f.Low[i].SiteName)
	}
	for i := range f.Changes {
		c := &f.Changes[i]
		cut(longestText, &c.Key, &c.Name, &c.SiteName)
		cut(longestText, &c.Kind)
		cut(longestError, &c.Text)
	}
	return &f
}

// years are those with a record, the newest first.
func years(all []status.Feed) []string {
	found := map[string]bool{}
	for _, f := range all {
		for _, day := range f.Days {
			if year, _, _ := strings.Cut(day.Day, "-"); aYear.MatchString(year) {
				found[year] = true
			}
		}
	}
	list := slices.Sorted(maps.Keys(found))
	slices.Reverse(list)
	return append([]string{}, list...)
}
