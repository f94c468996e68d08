package web

import (
	"encoding/json"
	"regexp"
	"slices"

	"saveris-bridge/internal/status"
	"saveris-bridge/internal/words"
)

// What a page is sent at most.
const (
	mostSensors       = 200
	mostPoints        = 48 // of a sensor
	mostAlarms        = 100
	mostRejects       = 50 // one by one, for scripts
	mostRejectGroups  = 5
	mostRejectSamples = 10 // of a group
	mostBackfills     = 20
	mostSilent        = 8    // channels one by one; more are one line
	mostFleet         = 20   // low batteries, and changes
	mostGaps          = 20   // of a feed, and days that are partly read
	longestText       = 120  // characters of a name
	longestError      = 500  // characters of why a backfill has failed
	longestRow        = 4000 // characters of a rejected row
)

// bounded cuts what is new to what a page is sent. The source's own slices stay as they are.
func bounded(r status.Recent) status.Recent {
	r.Sensors = head(r.Sensors, mostSensors)
	for i := range r.Sensors {
		s := &r.Sensors[i]
		cut(longestText, &s.Tenant, &s.Site, &s.Serial, &s.Channel, &s.Quantity, &s.Unit, &s.Name, &s.SiteName)
		if l := s.Limits; l != nil {
			s.Limits = &status.Limits{Low: number(l.Low), High: number(l.High)}
		}
		s.Points = slices.Clone(s.Points[max(0, len(s.Points)-mostPoints):])
		for j := range s.Points {
			s.Points[j].Value = number(s.Points[j].Value)
		}
	}
	r.Alarms = head(r.Alarms, mostAlarms)
	for i := range r.Alarms {
		a := &r.Alarms[i]
		cut(longestText, &a.ID, &a.Tenant, &a.Site, &a.Serial, &a.Severity, &a.Text, &a.Condition, &a.Reason, &a.Quantity, &a.Unit, &a.Name, &a.SiteName)
		a.Value = number(a.Value)
	}
	r.Rejects = head(r.Rejects, mostRejects)
	for i := range r.Rejects {
		cut(longestText, &r.Rejects[i].Reason)
		cut(longestRow, &r.Rejects[i].Row)
	}
	return r
}

// head copies the first n; it is never nil, which JSON has another word for.
func head[T any](list []T, n int) []T { return append([]T{}, list[:min(n, len(list))]...) }

// tail copies the last n, likewise.
func tail[T any](list []T, n int) []T { return append([]T{}, list[max(0, len(list)-n):]...) }

func cut[T ~string](most int, texts ...*T) {
	for _, text := range texts {
		*text = T(words.Shortened(string(*text), most))
	}
}

// number returns what can be written as a JSON number, and nil for anything else: one odd value must not cost the whole page.
func number(n *json.Number) *json.Number {
	if n == nil || !aNumber.MatchString(string(*n)) {
		return nil
	}
	return n
}

var aNumber = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$`)
