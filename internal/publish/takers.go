package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/schema"
)

// ErrTaker says why events cannot be published on a subject.
var ErrTaker = errors.New("wrong subject")

// Taker is a stream that stores what is published on some subjects.
type Taker struct {
	Stream string
	Atomic bool // it takes atomic batches
}

// Own reports whether a subject, which may end in ">", is one of the bridge's own, or looks like one.
func (n Names) Own(subject string) bool {
	own := []string{n.Ingest()}
	for _, word := range []string{string(schema.Readings), string(schema.Alarms), "rejected", "index", "checkpoints", "backfills"} {
		own = append(own, n.Prefix+"."+word)
	}
	return slices.ContainsFunc(own, func(own string) bool {
		return schema.SubjectsOverlap(subject, own) || schema.SubjectsOverlap(subject, own+".>")
	})
}

// Takers returns the streams that store what is published on subjects, which may end in ">"; there may be none. It fails with
// an ErrTaker if only some of it would be stored, or in a stream of a bridge: what is no row does not belong there.
func (n Names) Takers(ctx context.Context, js jetstream.JetStream, subjects []string) (takers []Taker, err error) {
	var left []string
	for _, subject := range subjects {
		if n.Own(subject) {
			return nil, fmt.Errorf("%w: %s is the bridge's own", ErrTaker, subject)
		}
		found, err := n.taker(ctx, js, subject)
		if err != nil {
			return nil, err
		}
		switch {
		case found == Taker{}:
			left = append(left, subject)
		case !slices.Contains(takers, found):
			takers = append(takers, found)
		}
	}
	if len(takers) > 0 && len(left) > 0 {
		return nil, fmt.Errorf("%w: stream %s stores a part of it, but nobody stores %s", ErrTaker, takers[0].Stream, strings.Join(left, ", "))
	}
	return takers, nil
}

// taker returns the stream that stores all of a subject, none if nobody stores any of it.
func (n Names) taker(ctx context.Context, js jetstream.JetStream, subject string) (found Taker, err error) {
	names := js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
	for name := range names.Name() {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return Taker{}, fmt.Errorf("look up stream %s: %w", name, err)
		}
		config := stream.CachedInfo().Config
		switch {
		case n.ofBridge(config):
			return Taker{}, fmt.Errorf("%w: stream %s, which a bridge writes, takes %s", ErrTaker, name, subject)
		case !slices.ContainsFunc(config.Subjects, func(s string) bool { return schema.SubjectWithin(subject, s) }):
			return Taker{}, fmt.Errorf("%w: stream %s takes only a part of %s: it has %s", ErrTaker, name, subject, strings.Join(config.Subjects, ", "))
		case config.NoAck:
			return Taker{}, fmt.Errorf("%w: stream %s does not acknowledge (no_ack): nobody would know what is stored", ErrTaker, name)
		}
		found = Taker{name, config.AllowAtomicPublish}
	}
	if err := names.Err(); err != nil {
		return Taker{}, fmt.Errorf("ask which stream takes %s: %w", subject, err)
	}
	return found, nil
}

// ofBridge reports whether a stream is this bridge's, or holds checkpoints like those of one with another prefix.
func (n Names) ofBridge(config jetstream.StreamConfig) bool {
	return slices.ContainsFunc(Feeds, func(feed schema.Feed) bool { return n.Stream(feed) == config.Name }) ||
		slices.ContainsFunc(config.Subjects, func(s string) bool {
			tokens := strings.Split(s, ".")
			return len(tokens) > 2 && tokens[1] == "checkpoints"
		})
}
