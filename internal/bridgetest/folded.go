package bridgetest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// AuditInventory compares what saveris-inventory shows with the newest document of each thing in the stream of the fleet, and returns each
// difference.
func AuditInventory(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	all, err := readOn(ctx, js, "SAVERIS_DEVICES", "saveris.devices.>")
	if err != nil {
		return nil, err
	}
	want := map[string]string{}
	for _, m := range all {
		t, err := readThing(m)
		if err != nil {
			return nil, fmt.Errorf("audit the inventory: sequence %d: %w", m.seq, err)
		}
		if want[t.place] = compact(t.raw); t.removed {
			delete(want, t.place)
		}
	}
	return shownAs(ctx, js, "saveris-inventory", want, compact)
}

// compact is JSON without blanks.
func compact(text []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}

// AuditLatest compares what saveris-latest shows with the newest reading of each channel in the stream by its time; of a reading that was
// corrected with its newest content. No time is more than an hour ahead of the clock.
func AuditLatest(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	all, err := readOn(ctx, js, "SAVERIS_READINGS", "saveris.readings.>")
	if err != nil {
		return nil, err
	}
	contents := map[string]map[string]message{} // by key and first id
	for _, m := range all {
		tokens := strings.Split(m.subject, ".")
		key := strings.Join(tokens[3:len(tokens)-1], ".")
		if contents[key] == nil {
			contents[key] = map[string]message{}
		}
		contents[key][cmp.Or(m.event.revises, m.event.id)] = m
	}
	want := map[string]string{}
	for key, list := range contents {
		best := message{}
		for _, m := range list {
			if cmp.Or(m.event.at.Compare(best.event.at), cmp.Compare(m.seq, best.seq)) > 0 {
				best = m
			}
		}
		want[key] = best.event.id
	}
	return shownAs(ctx, js, "saveris-latest", want, idOf)
}

// AuditOpenAlarms compares what saveris-open-alarms shows with the alarms in the stream that have begun and that no end names. All ends
// of the pretend vendor do, but under the switches alarm.source_event, alarm.rows and alarm.closing.
func AuditOpenAlarms(ctx context.Context, js jetstream.JetStream) ([]string, error) {
	all, err := readOn(ctx, js, "SAVERIS_ALARMS", "saveris.alarms.>")
	if err != nil {
		return nil, err
	}
	ended := map[string]bool{}
	for _, m := range all {
		if m.event.kind == "saveris.alarm.cleared.v1" {
			ended[m.event.cause] = true
		}
	}
	want := map[string]string{}
	for _, m := range all {
		if row, _, _ := strings.Cut(m.event.id, "."); m.event.kind == "saveris.alarm.raised.v1" && !ended[row] {
			want[strings.ReplaceAll(cmp.Or(m.event.revises, m.event.id), ".", "_")] = m.event.id
		}
	}
	return shownAs(ctx, js, "saveris-open-alarms", want, idOf)
}

// idOf is the id of an event in structured mode.
func idOf(body []byte) string {
	var e struct{ ID string }
	if err := json.Unmarshal(body, &e); err != nil {
		return err.Error()
	}
	return e.ID
}

// shownAs lists how a bucket differs from what it should show, by key.
func shownAs(ctx context.Context, js jetstream.JetStream, bucket string, want map[string]string, is func([]byte) string) (list []string, err error) {
	shown, _, err := newest(ctx, js, "KV_"+bucket, "$KV."+bucket+".")
	if err != nil {
		return nil, err
	}
	add := func(format string, args ...any) {
		if len(list) < maxExamples {
			list = append(list, bucket+": "+fmt.Sprintf(format, args...))
		}
	}
	for key, value := range want {
		switch m := shown[key]; {
		case m == nil || deleted(m):
			add("%s is not shown", key)
		case is(m.Data) != value:
			add("%s shows %.300s, not %.300s", key, is(m.Data), value)
		}
	}
	for key, m := range shown {
		if _, wanted := want[key]; !wanted && !deleted(m) {
			add("%s is shown, and there is no such thing", key)
		}
	}
	return list, nil
}
