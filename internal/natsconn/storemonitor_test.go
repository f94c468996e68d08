package natsconn

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/natsd"
)

// disk is what a StoreMonitor meets, in the place of a real one.
type disk struct {
	free     int64 // bytes
	quota    error // of the user, which the free space does not show
	shut     error // the server's write error, which stays until a restart
	stays    bool  // and after it
	restarts int
	now      time.Time
	log      bytes.Buffer
}

func (d *disk) store() *StoreMonitor {
	return &StoreMonitor{
		dir: "/data", log: slog.New(slog.NewTextHandler(&d.log, nil)), now: func() time.Time { return d.now },
		space: func() (int64, error) {
			if d.free < natsd.Least {
				return d.free, &natsd.FullError{Dir: "/data", Free: d.free}
			}
			return d.free, nil
		},
		writable: func() error { return d.quota },
		fault:    func() error { return d.shut },
		restart: func() error {
			if d.restarts++; !d.stays {
				d.shut = nil
			}
			return nil
		},
	}
}

// logged is how often the log has a message.
func (d *disk) logged(message string) int { return strings.Count(d.log.String(), message) }

func TestAFullDiskIsToldAndTheServerStartedAnewOnceThereIsSpace(t *testing.T) {
	d := &disk{free: 1 << 40, now: time.Unix(1e9, 0)}
	k := d.store()
	if k.check(true); k.Err() != nil {
		t.Fatalf("all is well, and it says %v", k.Err())
	}
	d.free, d.shut = 0, errors.New("write 1.blk: no space left on device")
	for range 3 {
		k.check(true)
	}
	const full = "store /data: no space left, 0 bytes free"
	if err := k.Err(); err == nil || err.Error() != full || d.logged(full) != 1 || d.restarts > 0 {
		t.Errorf("%v, %d restarts, log:\n%s", err, d.restarts, &d.log)
	}
	if text := StoreText(k.Err()); !strings.HasPrefix(text, full+"; free some space there") {
		t.Errorf("people read %q", text)
	}
	if free, writable, ours := k.SpaceLeft(); free != 0 || writable || !ours {
		t.Errorf("metrics: %d, %v, %v", free, writable, ours)
	}
	d.free = natsd.Least
	k.check(true)
	if free, writable, _ := k.SpaceLeft(); k.Err() != nil || d.restarts != 1 || free != natsd.Least || !writable || d.logged("store recovered") != 1 {
		t.Errorf("there is space again: %v, %d restarts, log:\n%s", k.Err(), d.restarts, &d.log)
	}
}

func TestAWriteErrorOfAnotherKindIsTriedAgainNowAndThen(t *testing.T) {
	d := &disk{free: 1 << 40, now: time.Unix(1e9, 0), quota: errors.New("store /data: it cannot be written: disk quota exceeded"), shut: errors.New("stream S write error")}
	k := d.store()
	k.check(true)
	if err := k.Err(); !errors.Is(err, d.quota) || d.restarts > 0 {
		t.Errorf("over the quota: %v, %d restarts", err, d.restarts)
	}
	d.quota, d.stays = nil, true
	k.check(true) // it helps for a moment only
	k.check(true)
	if err := k.Err(); d.restarts != 1 || !errors.Is(err, d.shut) || !strings.HasPrefix(err.Error(), "store /data: ") {
		t.Errorf("a restart that did not help: %v, %d restarts", err, d.restarts)
	}
	d.now, d.stays = d.now.Add(restartPause), false
	k.check(true)
	if k.Err() != nil || d.restarts != 2 {
		t.Errorf("one that does: %v, %d restarts", k.Err(), d.restarts)
	}
}

func TestAServerOfAnothersHasNoStore(t *testing.T) {
	var k *StoreMonitor
	if _, _, ours := k.SpaceLeft(); k.Err() != nil || k.Full() != nil || ours {
		t.Error("it has one")
	}
}

func TestWhoStopsWaitsForNoStoreThatCannotBeWritten(t *testing.T) {
	server, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for name, shut := range map[string]error{"well": nil, "shut": errors.New("stream S write error")} {
		d := &disk{free: 1 << 40, quota: shut, shut: shut}
		k := d.store()
		k.Server = server
		closed := make(chan struct{})
		nc := bridgetest.Connect(t, "", nats.InProcessServer(k), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
		ctx, cancel := context.WithCancel(t.Context())
		end := k.watch(ctx, nc)
		if cancel(); shut != nil {
			<-closed
		}
		end()
		if nc.IsClosed() != (shut != nil) || d.restarts > 0 {
			t.Errorf("%s: closed %v, %d restarts", name, nc.IsClosed(), d.restarts)
		}
		nc.Close()
	}
}

func TestAnswersThatNobodyReadsDoNotHoldUpTheEnd(t *testing.T) {
	server, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	nc := bridgetest.Connect(t, "", nats.InProcessServer(server))
	answers, err := nc.SubscribeSync("answers")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish("answers", nil); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, err := answers.Pending(); n != 1 || err != nil {
		t.Fatalf("%d messages are unread (%v)", n, err)
	}
	Close(nc, time.Hour) // or the test fails by its own limit
	if !nc.IsClosed() {
		t.Error("the connection is open")
	}
}
