package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
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

// Events have the names that the stream holds, from its making on and through changes, and none before.
func TestNamesFollowTheStreamOfTheFleet(t *testing.T) {
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	p := New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, js)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	row := saveris.Row{Raw: []byte(`{}`), Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte("u1")}, {Name: "sensor_uuid", Kind: saveris.String, Text: []byte("s1")},
		{Name: "channel_no", Kind: saveris.Number, Text: []byte("1")}, {Name: "timestamp", Kind: saveris.String, Text: []byte("2026-07-01T10:15:00Z")},
	}}
	maker := p.Maker(schema.Readings)
	says := func(want string) bool {
		e := maker.Event(&row, schema.Window{}, time.Time{})
		return strings.Contains(string(e.AppendData(nil)), want)
	}
	AwaitFleet(ctx, p.FollowFleet(ctx, slog.New(slog.DiscardHandler)))
	if !says(`"names":null`) {
		t.Error("names without a stream")
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "SAVERIS_DEVICES", Subjects: []string{"saveris.devices.>"}}); err != nil {
		t.Fatal(err)
	}
	await := func(name string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !says(fmt.Sprintf(`"device":%q`, name)); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no event says %q", name)
			}
		}
	}
	storeDevice(t, js, nil, fmt.Sprintf(device, "Logger"))
	await("Logger")
	storeDevice(t, js, nil, "somebody else's")
	structured := fmt.Sprintf(`{"specversion":"1.0","id":"device.100.1.1","source":"s","type":"saveris.device.changed.v1","time":"2026-07-01T10:00:00Z","data":%s}`, fmt.Sprintf(device, "Freezer"))
	storeDevice(t, js, nats.Header{"content-type": {"application/cloudevents+json"}}, structured)
	await("Freezer")

	again := New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, js)
	AwaitFleet(ctx, again.FollowFleet(ctx, slog.New(slog.DiscardHandler)))
	if again.Fleet.Directory() == nil {
		t.Error("the stream was not waited for")
	}
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
	if p.Fleet.Directory() == nil {
		t.Error("the stream was not read")
	}
}
