package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// tailOptions are the flags of bridge tail.
type tailOptions struct {
	Feeds, Lanes, Sites, Serials, Quantities, Severities, States []string
	Since                                                        string
	Rejected, JSON                                               bool
}

func (o *tailOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.Feeds, "feeds", nil, "readings, alarms (default: BRIDGE_FEEDS)")
	f.StringSliceVar(&o.Feeds, "feed", nil, "as --feeds, which it was called")
	f.Lookup("feed").Hidden = true
	f.StringSliceVar(&o.Lanes, "lane", nil, "live, history")
	f.StringSliceVar(&o.Sites, "site", nil, "sites, or how they begin: 8 characters at least")
	f.StringSliceVar(&o.Serials, "serial", nil, "serial numbers")
	f.StringSliceVar(&o.Quantities, "quantity", nil, "quantities, such as air_temperature")
	f.StringSliceVar(&o.Severities, "severity", nil, "of alarms: alarm, warning, unknown")
	f.StringSliceVar(&o.States, "state", nil, "of alarms: raised, cleared, unknown")
	f.StringVar(&o.Since, "since", "", "begin with what was stored since then: an RFC 3339 time, or how long ago, such as 10m")
	f.BoolVar(&o.Rejected, "rejected", false, "print rejected rows too, whatever the other filters say")
	f.BoolVar(&o.JSON, "json", false, "print each event as a line of JSON, a CloudEvent in structured form")
}

// wanted is what the flags of bridge tail say. An empty list takes all. Texts are tokens of subjects.
type wanted struct {
	feeds                             []schema.Feed
	lanes, sites, serials, quantities []string
	severities, states                []string
	since                             time.Time
	rejected, json                    bool
}

// maxFilters is how many subjects the flags may make.
const maxFilters = 100

// wanted refuses wrong flags.
func (o tailOptions) wanted(s config.Settings, now time.Time) (w wanted, err error) {
	for _, flag := range []struct {
		name    string
		values  []string
		into    *[]string
		allowed []string // none: any text
		token   func(string) string
	}{
		{"feeds", o.Feeds, new([]string), []string{string(schema.Readings), string(schema.Alarms)}, nil},
		{"lane", o.Lanes, &w.lanes, []string{string(schema.Live), string(schema.History)}, nil},
		{"site", o.Sites, &w.sites, nil, schema.Token},
		{"serial", o.Serials, &w.serials, nil, schema.Token},
		{"quantity", o.Quantities, &w.quantities, nil, schema.QuantityToken},
		{"severity", o.Severities, &w.severities, []string{"alarm", "warning", "unknown"}, nil},
		{"state", o.States, &w.states, []string{"raised", "cleared", "unknown"}, nil},
	} {
		for _, value := range flag.values {
			value = strings.TrimSpace(value)
			switch {
			case value == "":
				return w, flagf("tail", "--%s is empty: expected %s", flag.name, expected(flag.allowed))
			case flag.allowed == nil:
				value = flag.token(value)
			case !slices.Contains(flag.allowed, value):
				return w, flagf("tail", "--%s is %q: expected %s", flag.name, value, expected(flag.allowed))
			}
			if !slices.Contains(*flag.into, value) {
				*flag.into = append(*flag.into, value)
			}
		}
		if flag.name == "feeds" {
			w.feeds = feedsOf(*flag.into)
		}
	}
	if w.rejected, w.json = o.Rejected, o.JSON; len(w.feeds) == 0 {
		w.feeds = feedsOf(s.Feeds)
	}
	return w, w.check(o, s, now)
}

func expected(allowed []string) string {
	if allowed == nil {
		return "a name"
	}
	return strings.Join(allowed[:len(allowed)-1], ", ") + " or " + allowed[len(allowed)-1]
}

// check refuses what no event can match, and reads --since.
func (w *wanted) check(o tailOptions, s config.Settings, now time.Time) (err error) {
	if o.Since != "" {
		if w.since, err = moment(o.Since, now); err != nil {
			return flagf("tail", "--since is %q: expected %s", o.Since, wantMoment)
		}
		if w.since.After(now) {
			return flagf("tail", "--since is %q: it lies in the future", o.Since)
		}
	}
	alarmsOnly := len(w.severities) > 0 || len(w.states) > 0
	if alarmsOnly && !slices.Contains(w.feeds, schema.Alarms) {
		return flagf("tail", "--severity and --state are of alarms, and the feed is readings: expected --feeds alarms or neither of them")
	}
	for _, one := range w.subjects(brokerConfig(s).Names) {
		if len(one.subjects) > maxFilters {
			return flagf("tail", "the filters make %d subjects of %s: expected %d at most, so fewer values", len(one.subjects), one.stream, maxFilters)
		}
	}
	return nil
}

// subscription is what a stream is asked for: one subject, since a server that filters by two is ten times slower. Which of
// several it is we look for ourselves.
type subscription struct {
	stream   string
	filter   string
	subjects []string // that are wanted of what passes the filter
}

func (s subscription) takes(subject string) bool {
	return len(s.subjects) == 1 || slices.ContainsFunc(s.subjects, func(wanted string) bool { return covers(wanted, subject) })
}

// covers reports whether a subject is one of those that a pattern with * stands for.
func covers(pattern, subject string) bool {
	for pattern != "" && subject != "" {
		var want, token string
		want, pattern, _ = strings.Cut(pattern, ".")
		token, subject, _ = strings.Cut(subject, ".")
		if want != "*" && want != token {
			return false
		}
	}
	return pattern == subject
}

// subjects turns the filters into subjects.
func (w *wanted) subjects(names publish.Names) (list []subscription) {
	sites := w.sites
	if slices.ContainsFunc(sites, mayBegin) {
		sites = nil // takes looks for them
	}
	for _, feed := range w.feeds {
		prefix := []string{names.Prefix + "." + string(feed)}
		switch {
		case feed == schema.Alarms:
			list = append(list, subscribe(names.Stream(feed), prefix, w.lanes, nil, sites, w.severities, w.states, w.serials))
		case len(w.severities) == 0 && len(w.states) == 0:
			list = append(list, subscribe(names.Stream(feed), prefix, w.lanes, nil, sites, w.serials, nil, w.quantities))
		}
		if w.rejected {
			list = append(list, subscribe(names.Stream(feed), []string{names.Prefix + ".rejected." + string(feed)}))
		}
	}
	return list
}

// subscribe asks for the subjects that have one of each list as their tokens.
func subscribe(stream string, tokens ...[]string) subscription {
	s := subscription{stream: stream, subjects: product(tokens...)}
	for i, list := range tokens {
		if len(list) > 1 {
			tokens[i] = nil
		}
	}
	s.filter = product(tokens...)[0]
	return s
}

// product returns all subjects that have one of each list as their tokens; an empty list is any token.
func product(tokens ...[]string) []string {
	subjects := []string{""}
	for i, list := range tokens {
		if len(list) == 0 {
			list = []string{"*"}
		}
		var longer []string
		for _, subject := range subjects {
			for _, token := range list {
				longer = append(longer, subject+[...]string{"", "."}[min(i, 1)]+token)
				if len(longer) > 10*maxFilters {
					return longer
				}
			}
		}
		subjects = longer
	}
	return subjects
}

// shortSite is how much of a site's name is enough to go by: a line shows no more of it.
const shortSite = 8

// mayBegin reports whether a name may be the beginning of a site's: the vendor's are UUIDs, and a whole one is all of it.
func mayBegin(site string) bool {
	const wholeSite = len("8bb9264f-0000-4000-8000-000000000000")
	return shortSite <= len(site) && len(site) < wholeSite
}

// takes reports whether an event that came is wanted: no subject asks for the beginning of a site's name, and that of an alarm
// does not say its quantity.
func (w *wanted) takes(e storedEvent) bool {
	return !e.Rejected.IsZero() || w.takesSite(schema.Token(e.Site)) &&
		(len(w.quantities) == 0 || !e.alarm() || slices.Contains(w.quantities, schema.QuantityToken(e.Quantity)))
}

func (w *wanted) takesSite(token string) bool {
	return len(w.sites) == 0 || slices.ContainsFunc(w.sites, func(site string) bool {
		return token == site || mayBegin(site) && strings.HasPrefix(token, site)
	})
}
