package tail

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// Filter picks events. Each list may be empty, which takes all; any of its values may match, and all lists have to. Its fields have
// the names of the flags of bridge tail.
type Filter struct {
	Feeds                      []string // not empty
	Lanes                      []string
	Sites, Serials, Quantities []string // as the vendor has them or as tokens of subjects; a site may be its beginning
	Severities, States         []string // of alarms
	Rejected                   bool     // take rejected rows too, whatever the lists hold
}

// What a Filter's lists may hold.
var (
	allFeeds = func() (names []string) {
		for _, feed := range schema.RowFeeds {
			names = append(names, string(feed))
		}
		return names
	}()
	Lanes      = []string{string(schema.Live), string(schema.History)}
	Severities = []string{"alarm", "warning", "unknown"}
	States     = []string{"raised", "cleared", "unknown"}
)

// maxFilters is how many subjects a Filter may make.
const maxFilters = 100

// Check refuses what is no value of its list and what no event can match, and makes tokens of subjects of all values.
func (f *Filter) Check(names publish.Names) error {
	for _, list := range []struct {
		flag    string
		values  *[]string
		allowed []string            // nil: any text
		token   func(string) string // of any text
	}{
		{"feeds", &f.Feeds, allFeeds, nil},
		{"lane", &f.Lanes, Lanes, nil},
		{"site", &f.Sites, nil, schema.Token},
		{"serial", &f.Serials, nil, schema.Token},
		{"quantity", &f.Quantities, nil, schema.QuantityToken},
		{"severity", &f.Severities, Severities, nil},
		{"state", &f.States, States, nil},
	} {
		var tokens []string
		for _, value := range *list.values {
			value = strings.TrimSpace(value)
			switch {
			case value == "":
				return fmt.Errorf("--%s is empty: expected %s", list.flag, expected(list.allowed))
			case list.allowed == nil:
				value = list.token(value)
			case !slices.Contains(list.allowed, value):
				return fmt.Errorf("--%s is %q: expected %s", list.flag, value, expected(list.allowed))
			}
			if !slices.Contains(tokens, value) {
				tokens = append(tokens, value)
			}
		}
		*list.values = tokens
	}
	if f.alarmsOnly() && !slices.Contains(f.Feeds, string(schema.Alarms)) {
		return fmt.Errorf("--severity and --state are of alarms, and the feed is %s: expected --feeds alarms or neither of them", strings.Join(f.Feeds, ","))
	}
	if f.ofSensors() && slices.Equal(f.Feeds, []string{string(schema.Tasks)}) {
		return errors.New("--site, --serial and --quantity are of readings and alarms, and the feed is tasks: expected other --feeds or none of them")
	}
	for _, one := range f.subscriptions(names) {
		if len(one.subjects) > maxFilters {
			return fmt.Errorf("the filters make %d subjects of %s: expected %d at most, so fewer values", len(one.subjects), one.stream, maxFilters)
		}
	}
	return nil
}

// alarmsOnly reports whether readings and tasks are left out, which have no severity and no state.
func (f *Filter) alarmsOnly() bool { return len(f.Severities) > 0 || len(f.States) > 0 }

// ofSensors reports whether tasks are left out, which have no sensor.
func (f *Filter) ofSensors() bool {
	return len(f.Sites) > 0 || len(f.Serials) > 0 || len(f.Quantities) > 0
}

func expected(allowed []string) string {
	if allowed == nil {
		return "a name"
	}
	return strings.Join(allowed[:len(allowed)-1], ", ") + " or " + allowed[len(allowed)-1]
}

// shortSite is how much of a site's name is enough to go by: a line shows no more of it.
const shortSite = 8

// mayBegin reports whether a name may be the beginning of a site's: the vendor's are UUIDs, and a whole one is all of it.
func mayBegin(site string) bool {
	const wholeSite = len("8bb9264f-0000-4000-8000-000000000000")
	return shortSite <= len(site) && len(site) < wholeSite
}

// takes reports whether an event that came is picked: no subject asks for the beginning of a site's name, and that of an alarm
// does not have its quantity.
func (f *Filter) takes(e Event) bool {
	return !e.Rejected.IsZero() || f.takesSite(schema.Token(e.Site)) &&
		(len(f.Quantities) == 0 || !e.alarm() || slices.Contains(f.Quantities, schema.QuantityToken(e.Quantity)))
}

func (f *Filter) takesSite(token string) bool {
	return len(f.Sites) == 0 || slices.ContainsFunc(f.Sites, func(site string) bool {
		return token == site || mayBegin(site) && strings.HasPrefix(token, site)
	})
}
