package bridgetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/saveris/saveristest"
)

// Quiet says when nothing was broken any more, by the vendor's clock: from Since until Stopped bridges have looked and polled again and
// again, and then no more. Began is when the first of them began.
type Quiet struct{ Began, Since, Stopped time.Time }

// AuditFleet audits the stream of what changes in the fleet against the world of every second. Every document that is stored is one that
// the world had, in the order in which it had them, and another than the one before it of the same thing; what two looks have not seen is
// not stored. In the end the newest document of each thing is one that the world had while it was quiet.
func AuditFleet(ctx context.Context, js jetstream.JetStream, stream string, vendor *saveristest.Server, quiet Quiet) (*AuditReport, error) {
	all, err := readOn(ctx, js, stream, "saveris.devices.>")
	if err != nil {
		return nil, err
	}
	report, ids, stored := &AuditReport{Stored: len(all)}, map[string]bool{}, map[string][]storedThing{}
	for _, m := range all {
		if ids[m.event.id] {
			report.wrong(&report.Doubled, "doubled: %s at sequence %d", m.event.id, m.seq)
		}
		ids[m.event.id] = true
		thing, err := readThing(m)
		if err != nil {
			report.wrong(&report.Unexpected, "unexpected: %s at sequence %d: %v", m.event.id, m.seq, err)
			continue
		}
		stored[thing.name] = append(stored[thing.name], thing)
	}
	world := worldOf(vendor, quiet)
	for name, list := range stored {
		compareThing(name, list, world[name], quiet, report)
	}
	for name, versions := range world {
		if stored[name] == nil && !versions.during(quiet.Since, quiet.Stopped).has(gone) {
			report.wrong(&report.Missing, "missing: %s, which is nowhere", name)
		}
	}
	return report, nil
}

// storedThing is a stored change.
type storedThing struct {
	name    string // kind and uuid
	place   string // the end of its subject
	seq     uint64
	at      time.Time // when the vendor was asked
	removed bool
	raw     json.RawMessage // the document
	doc     any
	text    string // of all that counts as a change
}

func readThing(m message) (t storedThing, err error) {
	var data struct {
		Kind, Key string
		Document  json.RawMessage
		Removed   bool
	}
	if err := json.Unmarshal(m.event.body, &data); err != nil {
		return t, err
	}
	tokens := strings.SplitN(m.subject, ".", 5)
	what := map[bool]string{true: "removed", false: "changed"}[data.Removed]
	if len(tokens) != 5 || tokens[2] != data.Kind || tokens[4] != data.Key || m.event.kind != "saveris."+data.Kind+"."+what+".v1" {
		return t, fmt.Errorf("%s of %s %s on %s", m.event.kind, data.Kind, data.Key, m.subject)
	}
	t = storedThing{place: data.Kind + "." + data.Key, seq: m.seq, at: m.event.at, removed: data.Removed, raw: data.Document}
	if err := json.Unmarshal(data.Document, &t.doc); err != nil {
		return t, err
	}
	columns, _ := t.doc.(map[string]any)
	t.name = data.Kind + " " + fmt.Sprint(columns[uuidColumns[data.Kind]])
	text, err := json.Marshal(steady(t.doc))
	t.text = string(text)
	return t, err
}

// steady is a document without what is no change, by the contract's section 7.
func steady(v any) any {
	switch v := v.(type) {
	case map[string]any:
		left := map[string]any{}
		for name, value := range v {
			switch name {
			case "processed_at", "status_time", "last_communication_time", "next_communication_time", "last_measurement_time", "last_modified_at", "version_timestamp":
				continue
			}
			if !strings.HasSuffix(name, "_last_modified") {
				left[name] = steady(value)
			}
		}
		return left
	case []any:
		var left []any
		for _, value := range v {
			left = append(left, steady(value))
		}
		return left
	}
	return v
}

// A look shows the world of a moment that is so long before or behind the one at which it says that the vendor was asked: his clock is known
// to a second or two, and a question may have to be asked again.
const (
	askedBefore = 3 * time.Second
	askedAgain  = 30 * time.Second
)

// compareThing holds what is stored of a thing, in the order of the stream, against its versions.
func compareThing(name string, list []storedThing, versions versions, quiet Quiet, report *AuditReport) {
	at, before := 0, storedThing{removed: true}
	for i, t := range list {
		if t.removed == before.removed && (t.removed && i > 0 || t.text == before.text) {
			report.wrong(&report.Doubled, "doubled: %s at sequence %d is as at sequence %d", name, t.seq, before.seq)
		}
		before = t
		n := slices.IndexFunc(versions[at:], func(v version) bool { return t.is(v) && slices.Contains(asked(versions, t.at), v.at) })
		switch {
		case n >= 0:
			at += n
		case slices.ContainsFunc(versions, t.is):
			report.wrong(&report.Disordered, "disordered: %s at sequence %d is %s, which the world had at another time than %v: %v", name, t.seq, t, t.at, versions)
		default:
			report.wrong(&report.Wrong, "wrong: %s at sequence %d is %s, and the world never had that: %v", name, t.seq, t, versions)
		}
	}
	if now := versions.during(quiet.Since, quiet.Stopped); !slices.ContainsFunc(now, before.is) && !(now.has(gone) && len(now) > 1) {
		report.wrong(&report.Missing, "missing: %s is %s at the last, and the world has %v", name, before, now)
	}
}

// asked are the beginnings of the versions that a look may have seen.
func asked(all versions, at time.Time) (list []time.Time) {
	for _, v := range all.during(at.Add(-askedBefore), at.Add(askedAgain)) {
		list = append(list, v.at)
	}
	return list
}

func (t storedThing) String() string {
	if t.removed {
		return "removed"
	}
	return t.text
}

// is reports whether the document is a version.
func (t storedThing) is(v version) bool {
	if v.columns == nil || t.removed {
		return v.columns == nil && t.removed
	}
	return agrees(v.columns, t.doc)
}

// version is what the world has of a thing from a moment on.
type version struct {
	at      time.Time
	columns map[string]any // nil where it is not there
}

type versions []version

// gone is whether a version is that there is none.
func gone(v version) bool { return v.columns == nil }

func (list versions) has(is func(version) bool) bool { return slices.ContainsFunc(list, is) }

// during are those of a span.
func (list versions) during(from, until time.Time) versions {
	first := 0
	for first+1 < len(list) && !list[first+1].at.After(from) {
		first++
	}
	last := first + 1
	for last < len(list) && !list[last].at.After(until) {
		last++
	}
	return list[first:last]
}

// worldOf lists the versions of everything that the world had, which is another one only from one whole second to the next.
func worldOf(vendor *saveristest.Server, quiet Quiet) map[string]versions {
	world := map[string]versions{}
	from := quiet.Began.Truncate(time.Second)
	for at := from; !at.After(quiet.Stopped); at = at.Add(time.Second) {
		here := columnsOfFleet(vendor.Fleet(at))
		for name, columns := range here {
			if world[name] == nil && at.After(from) {
				world[name] = versions{{from, nil}}
			}
			if list := world[name]; len(list) == 0 || gone(list[len(list)-1]) || !agrees(columns, list[len(list)-1].columns) {
				world[name] = append(list, version{at, columns})
			}
		}
		for name, list := range world {
			if here[name] == nil && list[len(list)-1].columns != nil {
				world[name] = append(list, version{at, nil})
			}
		}
	}
	return world
}
