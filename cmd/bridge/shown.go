package main

import (
	"context"
	"log/slog"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
	"saveris-bridge/internal/views"

	"github.com/nats-io/nats.go/jetstream"
)

// newView makes the view of a feed's checkpoints. That they cannot be shown is in the log, and in notes unless they are nil.
func newView(s config.Settings, feed schema.Feed, js jetstream.JetStream, notes *vendorNotes, log *slog.Logger) *views.Checkpoints {
	view, name := views.NewCheckpoints(js, brokerConfig(s), feed), brokerConfig(s).Names.Bucket()
	view.OnWritable = func(err error) {
		if err == nil {
			log.Info("checkpoint bucket recovered", "bucket", name)
		} else {
			log.Warn("checkpoint bucket cannot be written, retrying; nothing else needs it", "bucket", name, "err", err, "hint", bucketHint(err, name))
		}
		notes.shown(feed, name, err)
	}
	return view
}

func unshownKey(feed schema.Feed) string { return "unshown." + string(feed) }

// shown takes over that the checkpoints of a feed cannot be shown, or can be again where err is nil.
func (v *vendorNotes) shown(feed schema.Feed, bucket string, err error) {
	switch {
	case v == nil:
	case err == nil:
		v.drop(unshownKey(feed))
	default:
		text := string(feed) + " are not shown as they are: " + printable.Public(err) + "; " + bucketHint(err, bucket)
		v.put(unshownKey(feed), status.Note{Own: true, Level: status.Bad, Feed: feed, Text: text})
	}
}

// claimed shows a record by which the prefix was claimed.
func (b *backfill) claimed(feed schema.Feed, r checkpoint.StoredRecord) {
	for _, f := range b.feeds {
		if f.feed == feed {
			f.view.Show(r)
		}
	}
}

// shown runs work, and has the checkpoints of what it stores shown.
func (b *backfill) shown(ctx context.Context, work func(context.Context) error) error {
	for _, f := range b.feeds {
		inner := work
		work = func(ctx context.Context) error { return f.view.Keep(ctx, inner) }
	}
	return work(ctx)
}
