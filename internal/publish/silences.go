package publish

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/schema"
)

// Silences stores what is silent and what is heard again, each exactly once, and reads what is stored. One goroutine at a time may use
// it.
type Silences struct {
	changeStore

	now func() time.Time // our clock
}

// NewSilences makes what stores silences in their stream.
func NewSilences(js jetstream.JetStream, config Config) *Silences {
	s := &Silences{now: time.Now}
	s.init(js, config, schema.Health)
	return s
}

// Load calls each with the newest event of every channel and every bridge, oldest first. An error of each ends it and is returned as
// it is.
func (s *Silences) Load(ctx context.Context, each func(schema.StoredSilence) error) error {
	return s.load(ctx, func(e checkpoint.StoredEvent) (string, error) {
		silence, err := readSilence(e)
		if err != nil {
			return "", err // it was read before
		}
		return silence.ID, each(silence)
	})
}

// Stands reports whether the stream still ends with what was loaded or stored last, see Changes.Stands.
func (s *Silences) Stands(ctx context.Context) (bool, error) {
	return s.stands(ctx, func(e checkpoint.StoredEvent) (string, error) {
		silence, err := readSilence(e)
		return silence.ID, err
	})
}

// Store stores silences of different subjects, see Changes.Store.
func (s *Silences) Store(ctx context.Context, silences []schema.Silence, done func(i int, sequence uint64)) error {
	return s.store(ctx, len(silences), func(i int) change { return &silences[i] }, done)
}

// Newest returns the newest event of the bridge that polls a feed, without an id where there is none. What is stored next on its subject
// follows what stands there now.
func (s *Silences) Newest(ctx context.Context, feed schema.Feed) (schema.StoredSilence, error) {
	subject := (&schema.Silence{Feed: feed}).Subject(s.names.Prefix)
	e, last, err := s.stream.NewestOn(ctx, subject)
	if delete(s.behind, subject); last > e.Seq {
		s.behind[subject] = last
	}
	if err := s.diagnose(ctx, err); err != nil || e.Seq == 0 {
		return schema.StoredSilence{}, err
	}
	return readSilence(e)
}

func readSilence(e checkpoint.StoredEvent) (schema.StoredSilence, error) {
	silence, err := schema.ReadSilence(e.Subject, e.Header, e.Data)
	silence.Before = e.Seq
	return silence, err
}

// Arm has the broker store a silence when it is due, in the place of what it was armed with before for the same subject. It needs no
// bridge then. What stands on the subject meanwhile does not matter. When it is due is a time by our clock, which may be another than
// the broker's.
func (s *Silences) Arm(ctx context.Context, silence schema.Silence) error {
	ahead, err := s.brokerAhead(ctx)
	if err != nil {
		return s.diagnose(ctx, err)
	}
	header, body := silence.Message(s.Mode, s.BaseURL, time.Now().Truncate(time.Millisecond))
	target := silence.Ingest(s.names.Prefix)
	msg := &nats.Msg{Subject: s.names.schedule(target), Data: body, Header: nats.Header{}}
	for key, values := range header {
		msg.Header[key] = values
	}
	msg.Header["Nats-Expected-Stream"] = []string{s.names.Stream(schema.Health)}
	msg.Header["Nats-Schedule"] = []string{"@at " + silence.DueAt.Add(ahead).UTC().Format(time.RFC3339Nano)}
	msg.Header["Nats-Schedule-Target"] = []string{target}
	wait, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	nc := s.js.Conn()
	wait, end := jsapi.UntilReconnected(wait, nc, nc.Stats().Reconnects)
	defer end()
	if _, err := s.js.PublishMsg(wait, msg, jetstream.WithRetryAttempts(0)); err != nil {
		return s.diagnose(ctx, fmt.Errorf("arm the schedule of %s: %w", strconv.Quote(string(silence.Feed)), jsapi.OrReconnected(wait, err)))
	}
	return nil
}

// brokerAhead is how far the clock of the broker that leads the stream is ahead of ours, in whole seconds: an answer takes a moment.
func (s *Silences) brokerAhead(ctx context.Context) (time.Duration, error) {
	asked := s.now()
	info, err := s.stream.Info(ctx)
	if err != nil || info.TimeStamp.IsZero() { // an older server
		return 0, err
	}
	return info.TimeStamp.Sub(asked.Add(s.now().Sub(asked) / 2)).Truncate(time.Second), nil
}
