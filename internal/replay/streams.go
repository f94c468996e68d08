package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// ErrSubject says why events cannot be published on a subject.
var ErrSubject = errors.New("wrong subject")

// TargetStream is a stream that stores what is published on some subjects.
type TargetStream struct {
	Stream string
	Atomic bool // it takes atomic batches
}

// OwnSubject reports whether a subject, which may end in ">", is one of the bridge's own, or looks like one.
func OwnSubject(names publish.Names, subject string) bool {
	own := []string{names.Ingest()}
	words := []string{"rejected", "index", "checkpoints", "backfills", "schedules"}
	for _, feed := range publish.StreamFeeds {
		words = append(words, string(feed))
	}
	for _, word := range words {
		own = append(own, names.Prefix+"."+word)
	}
	return slices.ContainsFunc(own, func(own string) bool {
		return schema.SubjectsOverlap(subject, own) || schema.SubjectsOverlap(subject, own+".>")
	})
}

// TargetStreams returns the streams that store what is published on subjects, which may end in ">"; there may be none. It fails
// with an ErrSubject if only some of it would be stored, or in a stream of a bridge: what is no row does not belong there.
func TargetStreams(ctx context.Context, js jetstream.JetStream, names publish.Names, subjects []string) (targets []TargetStream, err error) {
	var unstored []string
	for _, subject := range subjects {
		if OwnSubject(names, subject) {
			return nil, fmt.Errorf("%w: %s is the bridge's own", ErrSubject, subject)
		}
		found, err := targetStream(ctx, js, names, subject)
		if err != nil {
			return nil, err
		}
		switch {
		case found == TargetStream{}:
			unstored = append(unstored, subject)
		case !slices.Contains(targets, found):
			targets = append(targets, found)
		}
	}
	if len(targets) > 0 && len(unstored) > 0 {
		return nil, fmt.Errorf("%w: stream %s stores a part of it, but nobody stores %s", ErrSubject, targets[0].Stream, strings.Join(unstored, ", "))
	}
	return targets, nil
}

// targetStream returns the stream that stores all of a subject, a zero one if nobody stores any of it.
func targetStream(ctx context.Context, js jetstream.JetStream, names publish.Names, subject string) (found TargetStream, err error) {
	list := js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
	for name := range list.Name() {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return TargetStream{}, fmt.Errorf("look up stream %s: %w", name, err)
		}
		config := stream.CachedInfo().Config
		switch {
		case ofBridge(names, config):
			return TargetStream{}, fmt.Errorf("%w: stream %s, which a bridge writes, takes %s", ErrSubject, name, subject)
		case !slices.ContainsFunc(config.Subjects, func(s string) bool { return schema.SubjectWithin(subject, s) }):
			return TargetStream{}, fmt.Errorf("%w: stream %s takes only a part of %s: it has %s", ErrSubject, name, subject, strings.Join(config.Subjects, ", "))
		case config.NoAck:
			return TargetStream{}, fmt.Errorf("%w: stream %s does not acknowledge (no_ack): nobody would know what is stored", ErrSubject, name)
		}
		found = TargetStream{name, config.AllowAtomicPublish}
	}
	if err := list.Err(); err != nil {
		return TargetStream{}, fmt.Errorf("ask which stream takes %s: %w", subject, err)
	}
	return found, nil
}

// ofBridge reports whether a stream is this bridge's, or holds checkpoints like those of one with another prefix.
func ofBridge(names publish.Names, config jetstream.StreamConfig) bool {
	return slices.ContainsFunc(publish.StreamFeeds, func(feed schema.Feed) bool { return names.Stream(feed) == config.Name }) ||
		slices.ContainsFunc(config.Subjects, func(s string) bool {
			tokens := strings.Split(s, ".")
			return len(tokens) > 2 && tokens[1] == "checkpoints"
		})
}
