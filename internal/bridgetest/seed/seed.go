// Package seed is test support: events, and how the bridge stores them.
package seed

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// Broker is what the bridge's streams are made with in tests.
var Broker = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}

// Streams starts a server that has the bridge's streams and connects to it, until the test ends.
func Streams(t testing.TB) jetstream.JetStream {
	t.Helper()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if err := publish.Open(t.Context(), js, Broker); err != nil {
		t.Fatal(err)
	}
	return js
}

// Event makes an event of the columns of a row, names and values in turn.
func Event(feed schema.Feed, columns ...string) schema.Event {
	var row saveris.Row
	for i := 0; i < len(columns); i += 2 {
		kind := saveris.String
		if strings.HasPrefix(columns[i], "measure") || strings.HasPrefix(columns[i], "alarm_value") {
			kind = saveris.Number
		}
		row.Fields = append(row.Fields, saveris.Field{Name: columns[i], Kind: kind, Text: []byte(columns[i+1])})
	}
	return schema.NewMaker(feed, Broker.Names.Prefix, "http://vendor").Event(&row, schema.Window{}, time.Now())
}

// today stays the day on which the tests began.
var today = time.Now().UTC().Truncate(24 * time.Hour)

// FirstHour is the interval of today's first hour.
func FirstHour() *checkpoint.Interval {
	return &checkpoint.Interval{From: today, Until: today.Add(time.Hour), ReadAt: today.Add(time.Hour), Route: "sync"}
}

// Reading makes a reading of today, of a site Köln/7.
func Reading(uuid, serial, value string) schema.Event {
	return Event(schema.Readings, "uuid", uuid, "timestamp", FirstHour().From.Format(time.RFC3339), "serial_no", serial, "customer_site", "Köln/7",
		"physical_extension", "Air Temperature", "measurement", value)
}

// Store stores events of a day as the bridge does, and has the bucket show their checkpoint.
func Store(t *testing.T, js jetstream.JetStream, feed schema.Feed, cover *checkpoint.Interval, events ...schema.Event) {
	t.Helper()
	w := publish.NewWriter(js, Broker, publish.Options{Feed: feed, Name: "host/1", Now: time.Now, LiveAge: 48 * time.Hour})
	w.SetLowWatermark(cover.From)
	if _, err := w.Commit(t.Context(), checkpoint.DayOf(cover.From), events, cover); err != nil {
		t.Fatal(err)
	}
	Show(t, js, feed)
}

// Show has the bucket show what is stored of a feed.
func Show(t *testing.T, js jetstream.JetStream, feed schema.Feed) {
	t.Helper()
	view := views.NewCheckpoints(js, Broker, feed)
	if err := view.Keep(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
}
