package tail

import (
	"fmt"
	"regexp"
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
	Sites, Serials, Quantities []string // as the vendor has them or as tokens of subjects; a site may be its beginning, or what people call it
	Severities, States         []string // of alarms
	Called                     []string // parts of what people call a place or a thing, in any case
	Rejected                   bool     // take rejected rows too, whatever the lists hold
}

// What a Filter's lists may hold.
var (
	Feeds = func() (names []string) {
		for _, feed := range append(slices.Clone(schema.RowFeeds), schema.Devices, schema.Health) {
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
		{"feeds", &f.Feeds, Feeds, nil},
		{"lane", &f.Lanes, Lanes, nil},
		{"site", &f.Sites, nil, schema.Token},
		{"serial", &f.Serials, nil, schema.Token},
		{"quantity", &f.Quantities, nil, schema.QuantityToken},
		{"severity", &f.Severities, Severities, nil},
		{"state", &f.States, States, nil},
		{"name", &f.Called, nil, strings.ToLower},
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
	if !slices.ContainsFunc(f.Feeds, func(feed string) bool { return f.leavesOut(schema.Feed(feed)) == "" }) {
		return fmt.Errorf("%s, and the feed is %s: expected other --feeds or none of it", f.leavesOut(schema.Feed(f.Feeds[0])), strings.Join(f.Feeds, ","))
	}
	for _, one := range f.subscriptions(names) {
		if len(one.subjects) > maxFilters {
			return fmt.Errorf("the filters make %d subjects of %s: expected %d at most, so fewer values", len(one.subjects), one.stream, maxFilters)
		}
	}
	return nil
}

// leavesOut names the filters that an event of a feed cannot have, and whose they are; empty where there are none.
func (f *Filter) leavesOut(feed schema.Feed) string {
	switch {
	case len(f.Severities)+len(f.States) > 0 && feed != schema.Alarms:
		return "--severity and --state are of alarms"
	case len(f.Quantities) > 0 && feed != schema.Alarms && feed != schema.Readings:
		return "--quantity is of readings and alarms"
	case len(f.Sites) > 0 && (feed == schema.Tasks || feed == schema.Devices):
		return "--site is of readings, alarms and health"
	case len(f.Serials) > 0 && feed == schema.Tasks:
		return "--serial is of readings, alarms, health and devices"
	case len(f.Lanes) > 0 && (feed == schema.Devices || feed == schema.Health):
		return "--lane is of readings, alarms and tasks"
	}
	return ""
}

func expected(allowed []string) string {
	if allowed == nil {
		return "a name"
	}
	return strings.Join(allowed[:len(allowed)-1], ", ") + " or " + allowed[len(allowed)-1]
}

// shortSite is how much of a site is enough to go by: a line shows no more of one whose name is not known.
const shortSite = 8

// wholeSite reports whether a token is all of a site's, as the vendor's UUIDs are. Any other may be its beginning, or what people
// call it.
func wholeSite(token string) bool { return uuid.MatchString(token) }

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// takes reports whether an event that came is picked: no subject asks for the beginning of a site's name or for what people call
// a place, and that of an alarm does not have its quantity.
func (f *Filter) takes(e Event) bool {
	return !e.Rejected.IsZero() || f.takesSite(schema.Token(e.Site), e.Names.Site) && f.takesName(e) &&
		(len(f.Quantities) == 0 || !e.alarm() || slices.Contains(f.Quantities, schema.QuantityToken(e.Quantity)))
}

// takesName reports whether something that people call the place, or the thing, has one of the names in it.
func (f *Filter) takesName(e Event) bool {
	if len(f.Called) == 0 {
		return true
	}
	n := e.Names
	all := []string{n.Tenant, n.Site, n.Device, n.Sensor, n.Equipment, n.Part, n.Area, n.Label(), e.Task.Title, e.Task.Site}
	if e.Change != nil {
		all = append(all, e.Change.Name, e.Change.Site)
	}
	text := strings.ToLower(strings.Join(all, "\n"))
	return slices.ContainsFunc(f.Called, func(part string) bool { return strings.Contains(text, part) })
}

// takesSite reports whether a site is picked by its token, by the beginning of that, or by what people call it.
func (f *Filter) takesSite(token, name string) bool {
	return len(f.Sites) == 0 || slices.ContainsFunc(f.Sites, func(site string) bool {
		return token == site || len(site) >= shortSite && strings.HasPrefix(token, site) || name != "" && strings.EqualFold(schema.Token(name), site)
	})
}
