package pipeline

import (
	"log/slog"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// Inventory makes the view of the fleet. That it cannot be shown is in the log, and in notes unless they are nil.
func (p *Pipeline) Inventory(notes *Notes, log *slog.Logger) *views.View {
	broker := Broker(p.Settings.Streams)
	view, bucket := views.NewInventory(p.JS, broker), broker.Names.Inventory()
	view.OnWritable = p.writable("inventory bucket", schema.Devices, bucket, notes, log)
	return view
}

// View makes the view of a feed's checkpoints. That they cannot be shown is in the log, and in notes unless they are nil.
func (p *Pipeline) View(feed schema.Feed, notes *Notes, log *slog.Logger) *views.Checkpoints {
	broker := Broker(p.Settings.Streams)
	view, bucket := views.NewCheckpoints(p.JS, broker, feed), broker.Names.Bucket()
	view.OnWritable = p.writable("checkpoint bucket", feed, bucket, notes, log)
	return view
}

// writable returns what notes whether the bucket of a feed's view can be written.
func (p *Pipeline) writable(what string, feed schema.Feed, bucket string, notes *Notes, log *slog.Logger) func(error) {
	return func(err error) {
		if err == nil {
			log.Info(what+" recovered", "bucket", bucket)
		} else {
			log.Warn(what+" cannot be written, retrying; nothing else needs it", "bucket", bucket, "err", err, "hint", BucketHint(err, bucket))
		}
		notes.viewWritable(feed, bucket, err)
	}
}
