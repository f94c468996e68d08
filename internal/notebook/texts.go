package notebook

import (
	"fmt"
	"slices"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// EndText says that an endpoint will end, and when.
func EndText(end saveris.Announcement) string {
	text := "the vendor announces the end of " + end.Endpoint
	switch {
	case !end.Sunset.IsZero():
		return text + " on " + words.Time(end.Sunset)
	case !end.Deprecated.IsZero():
		return text + ", which is deprecated from " + words.Time(end.Deprecated) + " on, without a date for its end"
	}
	return text + " without a date"
}

// FleetEndText says that synchronous endpoints of the fleet will end, and when the first of them does.
func FleetEndText(ends []saveris.Announcement) string {
	text := "the vendor announces the end of " + words.Count(len(ends), "endpoint") + " of the fleet"
	var dates []time.Time
	for _, end := range ends {
		if !end.Sunset.IsZero() {
			dates = append(dates, end.Sunset)
		}
	}
	if len(dates) == 0 {
		return text + " without a date; the bridge falls back to the exports then"
	}
	first, last, on := slices.MinFunc(dates, time.Time.Compare), slices.MaxFunc(dates, time.Time.Compare), " on "
	if !first.Equal(last) {
		on = " from "
	}
	return text + on + words.Time(first) + "; the bridge falls back to the exports then"
}

// RetiredText says that a feed is read by another version of its endpoint.
func RetiredText(feed schema.Feed, endpoint, instead string) string {
	return fmt.Sprintf("the vendor has retired %s, %s are read from the older %s: a newer bridge is needed", endpoint, feed, instead)
}

// older reports whether a path is of an older version than another: /v1/… than /v2/….
func older(path, than string) bool { return path < than }

func dateOrNone(t time.Time) string {
	if t.IsZero() {
		return "no date"
	}
	return t.UTC().Format(time.RFC3339)
}
