package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// names are those of the bridge's streams.
var names = publish.Names{Prefix: "saveris"}

// readingsPrefix begins the subject of every reading, and of nothing else.
const readingsPrefix = "saveris.readings."

// broker is one nats-server process with a store of its own.
type broker struct {
	url string
	dir string
	cmd *exec.Cmd
	nc  *nats.Conn
	js  jetstream.JetStream
}

func (b *bench) startBroker(ctx context.Context, sync string) (*broker, error) {
	dir, err := os.MkdirTemp(b.dir, "store-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	interval := ""
	if sync == "always" {
		interval = ", sync_interval: always"
	}
	text := fmt.Sprintf("listen: %q\njetstream { store_dir: %q%s }\n", addr, dir, interval)
	config := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s := &broker{url: "nats://" + addr, dir: dir, cmd: exec.Command(b.broker, "-c", config)}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// freeAddress finds a port that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (s *broker) connect(ctx context.Context) (err error) {
	for range 100 {
		if s.nc, err = nats.Connect(s.url); err == nil {
			s.js, err = jetstream.New(s.nc)
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("nats-server does not answer: %w", err)
}

// streams creates what the bridge creates; without batches the stream of readings takes none.
func (s *broker) streams(ctx context.Context, batches bool) error {
	if err := publish.Open(ctx, s.js, publish.Config{Names: names, Replicas: 1}); err != nil || batches {
		return err
	}
	stream, err := s.js.Stream(ctx, names.Stream(schema.Readings))
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	config.AllowAtomicPublish = false
	if err := s.js.DeleteStream(ctx, config.Name); err != nil {
		return err
	}
	_, err = s.js.CreateStream(ctx, config)
	return err
}

// firstReading returns when the first reading was stored.
func (s *broker) firstReading(ctx context.Context) (time.Time, error) {
	stream, err := s.js.Stream(ctx, names.Stream(schema.Readings))
	if err != nil {
		return time.Time{}, err
	}
	msg, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(readingsPrefix+">"))
	if err != nil {
		return time.Time{}, err
	}
	return msg.Time, nil
}

// state is what the stream of readings holds.
func (s *broker) state(ctx context.Context) (jetstream.StreamState, error) {
	stream, err := s.js.Stream(ctx, names.Stream(schema.Readings))
	if err != nil {
		return jetstream.StreamState{}, err
	}
	return stream.CachedInfo().State, nil
}

// disk is what the server's store takes on disk once it has come to rest: blocks are compressed when they are full.
func (s *broker) disk(ctx context.Context) (size int64, err error) {
	for rest := 0; rest < 3; {
		now := int64(0)
		err := filepath.WalkDir(filepath.Join(s.dir, "jetstream"), func(_ string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				now += info.Size()
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file that was replaced meanwhile
			return 0, err
		}
		if rest++; err != nil || now != size {
			rest = 0
		}
		size = now
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return size, nil
}

// audit counts the readings and their distinct ids.
func (s *broker) audit(ctx context.Context) (readings, ids int, err error) {
	stream, err := s.js.Stream(ctx, names.Stream(schema.Readings))
	if err != nil {
		return 0, 0, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(readingsPrefix+">"))
	if err != nil {
		return 0, 0, err
	}
	want := 0
	for _, n := range info.State.Subjects {
		want += int(n)
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverAllPolicy, // a filter on many subjects makes the server eight times slower
	})
	if err != nil {
		return 0, 0, err
	}
	seen := make(map[string]struct{}, want)
	messages, err := consumer.Messages(jetstream.PullMaxMessages(10_000))
	if err != nil {
		return 0, 0, err
	}
	defer messages.Stop()
	for readings < want {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return readings, len(seen), err
		}
		if !strings.HasPrefix(msg.Subject(), readingsPrefix) {
			continue
		}
		readings++
		if attributes, _, err := schema.Unwrap(msg.Headers(), msg.Data()); err == nil && attributes["id"] != "" {
			seen[attributes["id"]] = struct{}{}
		}
	}
	return readings, len(seen), nil
}

func (s *broker) stop() {
	if s.nc != nil {
		s.nc.Close()
	}
	s.cmd.Process.Kill()
	s.cmd.Wait()
	os.RemoveAll(s.dir)
}
