package web

import (
	"regexp"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// rejects are rejected rows as a page is sent them: one mistake of the vendor's rejects every row that has it.
type rejects struct {
	Groups []rejectGroup `json:"groups"` // newest first
	Known  int           `json:"known"`  // rows that were grouped, the newest ones
	Other  int           `json:"other"`  // of these, those that are in none of the groups
}

// rejectGroup is what was rejected of a feed for the same reason.
type rejectGroup struct {
	Feed   schema.Feed `json:"feed"`
	Reason string      `json:"reason"`
	Count  int         `json:"count"`
	At     time.Time   `json:"at"`   // when the newest was read
	Rows   []sample    `json:"rows"` // the newest

	key string
}

// sample is the raw text of a row.
type sample struct {
	At  time.Time `json:"at"`
	Row string    `json:"row"`
}

// aValue is what a reason quotes of the row: the reason is the same whatever it is.
var aValue = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// grouped sums up rejected rows, which come newest first.
func grouped(all []status.Reject) rejects {
	sum := rejects{Groups: []rejectGroup{}, Known: len(all)}
	for _, r := range all {
		if g := sum.group(r); g != nil {
			g.add(r)
		} else {
			sum.Other++
		}
	}
	return sum
}

// group finds the group of a row or makes one; it returns nil where there are too many.
func (s *rejects) group(r status.Reject) *rejectGroup {
	cut(longestText, &r.Feed)
	cut(longestText, &r.Reason)
	key := aValue.ReplaceAllString(r.Reason, "…")
	for i := range s.Groups {
		if g := &s.Groups[i]; g.Feed == r.Feed && g.key == key {
			return g
		}
	}
	if len(s.Groups) == mostRejectGroups {
		return nil
	}
	s.Groups = append(s.Groups, rejectGroup{Feed: r.Feed, Reason: r.Reason, At: r.At, Rows: []sample{}, key: key})
	return &s.Groups[len(s.Groups)-1]
}

func (g *rejectGroup) add(r status.Reject) {
	g.Count++
	if cut(longestText, &r.Reason); r.Reason != g.Reason {
		g.Reason = g.key
	}
	if len(g.Rows) < mostRejectSamples {
		cut(longestRow, &r.Row)
		g.Rows = append(g.Rows, sample{r.At, r.Row})
	}
}
