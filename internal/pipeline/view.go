package pipeline

import (
	"log/slog"
	"time"

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

// Fold makes the view of what the events of a feed come to: the newest readings, by the vendor's clock, which now returns, or the open
// alarms; nil for any other feed. That it cannot be shown is in the log, and in notes unless they are nil.
func (p *Pipeline) Fold(feed schema.Feed, now func() time.Time, notes *Notes, log *slog.Logger) *views.Fold {
	broker := Broker(p.Settings.Streams)
	var view *views.Fold
	var what, bucket string
	switch feed {
	case schema.Readings:
		view, what, bucket = views.NewLatest(p.JS, broker, now), "the newest readings", broker.Names.Latest()
	case schema.Alarms:
		view, what, bucket = views.NewOpenAlarms(p.JS, broker), "the open alarms", broker.Names.OpenAlarms()
	default:
		return nil
	}
	view.OnWritable = func(err error) {
		logWritable(log, "bucket of "+what, bucket, err)
		notes.foldWritable(feed, what, bucket, err)
	}
	return view
}

// writable returns what notes whether the bucket of a feed's view can be written.
func (p *Pipeline) writable(what string, feed schema.Feed, bucket string, notes *Notes, log *slog.Logger) func(error) {
	return func(err error) {
		logWritable(log, what, bucket, err)
		notes.viewWritable(feed, bucket, err)
	}
}

func logWritable(log *slog.Logger, what, bucket string, err error) {
	if err == nil {
		log.Info(what+" recovered", "bucket", bucket)
		return
	}
	log.Warn(what+" cannot be written, retrying; nothing else needs it", "bucket", bucket, "err", err, "hint", BucketHint(err, bucket))
}
