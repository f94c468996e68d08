package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

const device = `{"kind":"device","key":"100","document":{"tenant_uuid":"t1","device_uuid":"d1","device_serial_no":"100","device_display_name":%q,` +
	`"sensors":[{"sensor_uuid":"s1","sensor_serial_no":"200","channels":[{"channel_no":1}]}]},"changed":[],"removed":false}`

// storeDevice stores a device as the feed of the fleet does.
func storeDevice(t *testing.T, js jetstream.JetStream, header nats.Header, data string) {
	t.Helper()
	if header == nil {
		header = nats.Header{"ce-id": {"device.100.0.0"}, "ce-time": {"2026-07-01T10:00:00Z"}}
	}
	if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "saveris.devices.device.t1.100", Header: header, Data: []byte(data)}); err != nil {
		t.Fatal(err)
	}
}

// TestNamesFollowTheStreamOfTheFleet: events have the names that the stream holds, from its making on and through changes, and none before.
func TestNamesFollowTheStreamOfTheFleet(t *testing.T) {
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	p := New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, js)
	row := saveris.Row{Raw: []byte(`{}`), Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte("u1")}, {Name: "sensor_uuid", Kind: saveris.String, Text: []byte("s1")},
		{Name: "channel_no", Kind: saveris.Number, Text: []byte("1")}, {Name: "timestamp", Kind: saveris.String, Text: []byte("2026-07-01T10:15:00Z")},
	}}
	maker, r := p.Maker(schema.Readings), p.fleetReader()
	says := func(want string) {
		t.Helper()
		e := maker.Event(&row, schema.Window{}, time.Time{})
		if text := string(e.AppendData(nil)); !strings.Contains(text, want) {
			t.Errorf("the event lacks %s: %s", want, text)
		}
	}
	steps := func(n int) {
		t.Helper()
		for range n {
			if err := r.step(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if err := r.step(t.Context()); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("without a stream: %v", err)
	}
	says(`"names":null`)
	create := func() {
		t.Helper()
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAVERIS_DEVICES", Subjects: []string{"saveris.devices.>"}}); err != nil {
			t.Fatal(err)
		}
	}
	create()
	steps(1)
	says(`"names":null`)
	storeDevice(t, js, nil, fmt.Sprintf(device, "Logger"))
	steps(1)
	says(`"names":null`) // more may follow
	steps(1)
	says(`"device":"Logger"`)
	storeDevice(t, js, nil, "somebody else's")
	structured := fmt.Sprintf(`{"specversion":"1.0","id":"device.100.1.1","source":"s","type":"saveris.device.changed.v1","time":"2026-07-01T10:00:00Z","data":%s}`, fmt.Sprintf(device, "Freezer"))
	storeDevice(t, js, nats.Header{"content-type": {"application/cloudevents+json"}}, structured)
	steps(2)
	says(`"device":"Freezer"`)
	if err := js.DeleteStream(t.Context(), "SAVERIS_DEVICES"); err != nil {
		t.Fatal(err)
	}
	create()
	steps(1)
	says(`"device":"Freezer"`)
	storeDevice(t, js, nil, fmt.Sprintf(device, "Cellar"))
	steps(2)
	says(`"device":"Cellar"`)
	again := New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, js)
	maker, r = again.Maker(schema.Readings), again.fleetReader()
	steps(1)
	says(`"device":"Cellar"`)
}

// TestNamesAreReadSoonAgainAfterFailures: what lies between two failures is not held against them.
func TestNamesAreReadSoonAgainAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no")
		results := []error{failure, failure, failure, failure, failure, failure, nil, nil, failure, nil}
		want := []time.Duration{2, 4, 8, 16, 30, 30, 1, 1, 2}
		ctx, cancel := context.WithCancel(t.Context())
		var waits []time.Duration
		last := time.Now()
		repeat(ctx, func(context.Context) error {
			if waited := time.Since(last); waited > 0 {
				waits = append(waits, waited/time.Second)
			}
			last = time.Now()
			if len(waits) == len(want) {
				cancel()
			}
			return results[len(waits)]
		})
		if !slices.Equal(waits, want) {
			t.Errorf("seconds between the tries: %v, want %v", waits, want)
		}
	})
}

// TestNamesAreReadWhereFewMessagesMayBeAskedForAtOnce, as a server's max_request_batch can demand.
func TestNamesAreReadWhereFewMessagesMayBeAskedForAtOnce(t *testing.T) {
	n := bridgetest.NATSServer(t, &server.Options{JetStream: true, JetStreamLimits: server.JSLimitOpts{MaxRequestBatch: 7}})
	js := bridgetest.JetStream(t, n.ClientURL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAVERIS_DEVICES", Subjects: []string{"saveris.devices.>"}}); err != nil {
		t.Fatal(err)
	}
	storeDevice(t, js, nil, fmt.Sprintf(device, "Logger"))
	p := New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, js)
	AwaitFleet(t.Context(), p.FollowFleet(t.Context(), slog.New(slog.DiscardHandler)))
	if p.Names.Directory() == nil {
		t.Error("the stream was not read")
	}
}

// TestNamesLeaveTheStreamsConsumersToOthers: a broker may allow few of a stream.
func TestNamesLeaveTheStreamsConsumersToOthers(t *testing.T) {
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAVERIS_DEVICES", Subjects: []string{"saveris.devices.>"}})
	if err != nil {
		t.Fatal(err)
	}
	storeDevice(t, js, nil, fmt.Sprintf(device, "Logger"))
	p := New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, js)
	AwaitFleet(t.Context(), p.FollowFleet(t.Context(), slog.New(slog.DiscardHandler)))
	if p.Names.Directory() == nil {
		t.Error("the stream was not read")
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Consumers != 0 {
		t.Errorf("%d consumers are left (%v)", info.State.Consumers, err)
	}
}

// TestANewProcessKnowsSinceWhenThereHasBeenAChannel: silence of one that was never heard counts from then, whatever of its device has
// changed.
func TestANewProcessKnowsSinceWhenThereHasBeenAChannel(t *testing.T) {
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAVERIS_DEVICES", Subjects: []string{"saveris.devices.>"}}); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ at, name string }{{"2026-07-01T10:00:00Z", "Logger"}, {"2026-07-08T10:00:00Z", "Freezer"}} {
		storeDevice(t, js, nats.Header{"ce-id": {"device.100.0.0"}, "ce-time": {change.at}}, fmt.Sprintf(device, change.name))
	}
	p := New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, js)
	if err := p.fleetReader().step(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	if all := p.Names.Channels(); len(all) != 1 || !all[0].Known.Equal(want) {
		t.Errorf("%+v, want one that is known since %v", all, want)
	}
}
