package status

import (
	"encoding/json"
	"slices"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// Bounds of what is remembered of rejected rows.
const (
	maxRejects = 100
	longestRow = 1000 // characters
	fewRejects = 10_000
	rejectAge  = 24 * time.Hour
)

// notShown stands in place of a row of tasks: whoever reaches the page sees it, and the row says who did what.
const notShown = "personal data is not shown here: bridge tail --feeds tasks --rejected --since 24h prints it"

// rejects remembers the newest rejected rows, oldest first.
type rejects struct{ list []reject }

type reject struct {
	id string
	Reject
}

// take takes a rejected row over. The same one is remembered once.
func (r *rejects) take(id string, at time.Time, data []byte) {
	var d struct {
		Feed   schema.Feed
		Reason string
		Row    string
	}
	known := slices.ContainsFunc(r.list, func(old reject) bool { return old.id == id })
	if known || json.Unmarshal(data, &d) != nil {
		return
	}
	if d.Feed == schema.Tasks {
		d.Row = notShown
	}
	one := reject{id, Reject{Feed: d.Feed, At: at, Reason: words.Shortened(d.Reason, longestRow), Row: cut(d.Row, longestRow)}}
	if len(r.list) == maxRejects {
		r.list = slices.Delete(r.list, 0, 1)
	}
	r.list = append(r.list, one)
}

// newest is when the newest of them was read, nil without any.
func (r *rejects) newest() *time.Time {
	if len(r.list) == 0 {
		return nil
	}
	at := slices.MaxFunc(r.list, func(x, y reject) int { return x.At.Compare(y.At) }).At.UTC()
	return &at
}

// cut returns so many characters of a text at most.
func cut(text string, most int) string {
	for i := range text {
		if most--; most < 0 {
			return string([]byte(text[:i])) // not the megabyte behind it
		}
	}
	return text
}
