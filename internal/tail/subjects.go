package tail

import (
	"slices"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// subscription is what a stream is asked for: one subject, since a server that filters by two is ten times slower. Which of
// several it is we look for ourselves.
type subscription struct {
	stream   string
	filter   string
	subjects []string // that are wanted of what passes the filter
}

func (s subscription) takes(subject string) bool {
	return len(s.subjects) == 1 && s.subjects[0] == s.filter || slices.ContainsFunc(s.subjects, func(wanted string) bool { return schema.SubjectWithin(subject, wanted) })
}

// subscriptions returns what the streams are asked for.
func (f *Filter) subscriptions(names publish.Names) (list []subscription) {
	sites := f.Sites
	if slices.ContainsFunc(sites, func(site string) bool { return !wholeSite(site) }) {
		sites = nil // takes looks for them
	}
	for _, name := range f.Feeds {
		feed := schema.Feed(name)
		stream, prefix := names.Stream(feed), []string{names.Prefix + "." + name}
		if f.leavesOut(feed) == "" {
			switch feed {
			case schema.Readings:
				list = append(list, subscribe(stream, prefix, f.Lanes, nil, sites, f.Serials, nil, f.Quantities))
			case schema.Alarms:
				list = append(list, subscribe(stream, prefix, f.Lanes, nil, sites, f.Severities, f.States, f.Serials))
			case schema.Tasks:
				list = append(list, subscribe(stream, prefix, f.Lanes, nil, nil, nil))
			case schema.Devices:
				fleet := subscribe(stream, prefix, nil, nil, f.Serials)
				fleet.filter = prefix[0] + ".>" // what is not wanted says what other things are called
				list = append(list, fleet)
			case schema.Health:
				list = append(list, subscribe(stream, prefix, []string{"sensor"}, nil, sites, f.Serials, nil))
				if len(f.Sites)+len(f.Serials) == 0 {
					list = append(list, subscribe(stream, prefix, []string{"bridge"}, nil))
				}
			}
		}
		if f.Rejected && slices.Contains(schema.RowFeeds, feed) {
			list = append(list, subscribe(stream, []string{names.Prefix + ".rejected." + name}))
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
