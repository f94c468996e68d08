package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/inventory"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
)

// rowsOf is a vendor of fixed rows, who has nothing of the other feeds.
type rowsOf map[saveris.Feed][]string

func (s rowsOf) Snapshot(_ context.Context, q saveris.SnapshotQuery, each func(*saveris.Row) error) (saveris.Answer, error) {
	ans := saveris.Answer{AskedAt: time.Now(), Route: saveris.RouteExport, Endpoint: "/v3/" + string(q.Feed), Rows: len(s[q.Feed])}
	return ans, saveris.Elements([]byte("["+strings.Join(s[q.Feed], ",")+"]"), each)
}

// TestAThingThatIsTooLargeStopsNoOther: neither of its kind nor of those that are looked at behind it. It shows, whether no message may
// be that large or none of the stream.
func TestAThingThatIsTooLargeStopsNoOther(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	vendor := rowsOf{saveris.DeviceStatus: {`{"device_uuid":"u0","serial_no":"0","tenant_uuid":"t"}`}}
	for i := range 20 {
		vendor[saveris.DeviceProperties] = append(vendor[saveris.DeviceProperties], fmt.Sprintf(`{"device_uuid":"u%[1]d","device_serial_no":"%[1]d","tenant_uuid":"t"}`, i))
	}
	for i := range 3000 {
		vendor[saveris.DeviceProperties] = append(vendor[saveris.DeviceProperties], fmt.Sprintf(`{"device_uuid":"large","device_serial_no":"7_large","tenant_uuid":"t","sensor_uuid":"s%d","channel_no":1}`, i))
	}
	line := &inventory.Line{Source: vendor, Changes: publish.NewChanges(js, config), Interval: time.Hour, Log: slog.New(slog.DiscardHandler)}
	looked := make(chan inventory.Look, 1)
	line.OnLook = func(look inventory.Look) { looked <- look }
	look := func() (got inventory.Look) {
		t.Helper()
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- line.Run(ctx) }()
		got = <-looked
		end()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		return got
	}
	stored := func(want int) {
		t.Helper()
		stream, err := js.Stream(t.Context(), "SAVERIS_DEVICES")
		if err != nil {
			t.Fatal(err)
		}
		if got := stream.CachedInfo().State.Msgs; got != uint64(want) {
			t.Errorf("%d changes are stored, want %d", got, want)
		}
	}
	large := func(got inventory.Look) {
		t.Helper()
		if got.Err == nil || !strings.Contains(got.Err.Error(), "saveris.devices.device.t.7_large: it is too large for a message") {
			t.Errorf("the look says %v", got.Err)
		}
	}
	large(look())
	stored(21)

	s := config.Stream("devices")
	s.MaxMsgSize = 3000
	if _, err := js.UpdateStream(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	rows := vendor[saveris.DeviceProperties]
	vendor[saveris.DeviceProperties] = rows[:24]
	for i, row := range vendor[saveris.DeviceProperties] {
		vendor[saveris.DeviceProperties][i] = strings.Replace(row, `"tenant_uuid"`, `"device_display_name":"B","tenant_uuid"`, 1)
	}
	large(look())
	stored(41)

	s.MaxMsgSize = -1
	if _, err := js.UpdateStream(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got := look(); got.Err != nil {
		t.Error(got.Err)
	}
	stored(42)
}

// TestAStreamThatStoresElsewhereGetsNothing: where somebody has taken its subject transform away, what is stored is not found again. It
// shows, nothing is stored twice, and it goes on once the stream is as it was.
func TestAStreamThatStoresElsewhereGetsNothing(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	row := `{"device_uuid":"u","device_serial_no":"1","tenant_uuid":"t","device_display_name":"%s"}`
	vendor := rowsOf{saveris.DeviceProperties: {fmt.Sprintf(row, "A")}}
	line := &inventory.Line{Source: vendor, Changes: publish.NewChanges(js, config), Interval: time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	events := make(chan error, 1)
	line.OnLook = func(inventory.Look) { offer(events, nil) }
	line.OnStep = func(step poller.Step) {
		if step.Err != nil {
			offer(events, step.Err)
		}
	}
	alter := func(name string, transform *jetstream.SubjectTransformConfig) {
		t.Helper()
		s := config.Stream("devices")
		s.SubjectTransform = transform
		if _, err := js.UpdateStream(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		vendor[saveris.DeviceProperties] = []string{fmt.Sprintf(row, name)}
	}
	run := func(until func(error) bool) {
		t.Helper()
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- line.Run(ctx) }()
		for !until(<-events) {
		}
		end()
		<-done
		for len(events) > 0 {
			<-events
		}
	}
	stored := func() uint64 {
		t.Helper()
		stream, err := js.Stream(t.Context(), "SAVERIS_DEVICES")
		if err != nil {
			t.Fatal(err)
		}
		return stream.CachedInfo().State.Msgs
	}
	run(func(err error) bool { return err == nil })
	alter("B", nil)
	failed := 0
	run(func(err error) bool {
		if errors.Is(err, publish.ErrUnfit) {
			failed++
		}
		return failed == 2
	})
	if n := stored(); n > 2 {
		t.Errorf("%d messages are stored of two changes", n)
	}
	alter("C", config.Stream("devices").SubjectTransform)
	run(func(err error) bool { return err == nil })
	if stream, err := js.Stream(t.Context(), "SAVERIS_DEVICES"); err != nil {
		t.Error(err)
	} else if m, err := stream.GetLastMsgForSubject(t.Context(), "saveris.devices.device.t.1"); err != nil || !strings.Contains(string(m.Data), `"device_display_name":"C"`) {
		t.Errorf("in the end %v is stored (%v)", m, err)
	}
}

func offer(to chan error, err error) {
	select {
	case to <- err:
	default:
	}
}
