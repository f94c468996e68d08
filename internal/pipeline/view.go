package pipeline

import (
	"log/slog"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// Writable is called whenever the bucket of a view cannot be written, with what the view shows, and without an error once it can be again;
// nil = the log has it, and nobody else.
type Writable func(what, bucket string, err error)

// Inventory makes the view of the fleet.
func (p *Pipeline) Inventory(on Writable, log *slog.Logger) *views.View {
	broker := Broker(p.Settings.Streams)
	view, bucket := views.NewInventory(p.JS, broker), broker.Names.Inventory()
	view.OnWritable = on.of("inventory bucket", "the fleet", bucket, log)
	return view
}

// CheckpointView makes the view of a feed's checkpoints.
func (p *Pipeline) CheckpointView(feed schema.Feed, on Writable, log *slog.Logger) *views.Checkpoints {
	broker := Broker(p.Settings.Streams)
	view, bucket := views.NewCheckpoints(p.JS, broker, feed), broker.Names.Checkpoints()
	view.OnWritable = on.of("checkpoint bucket", "the checkpoints", bucket, log)
	return view
}

// Fold makes the view of what the events of a feed come to: the newest readings, by the vendor's clock, which now returns, or the open
// alarms; nil for any other feed.
func (p *Pipeline) Fold(feed schema.Feed, now func() time.Time, on Writable, log *slog.Logger) *views.Fold {
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
	view.OnWritable = on.of("bucket of "+what, what, bucket, log)
	return view
}

// of returns what logs, under a name, whether a bucket can be written, and calls on.
func (on Writable) of(name, what, bucket string, log *slog.Logger) func(error) {
	return func(err error) {
		if err == nil {
			log.Info(name+" recovered", "bucket", bucket)
		} else {
			log.Warn(name+" cannot be written, retrying; nothing else needs it", "bucket", bucket, "err", err, "hint", BucketHint(err, bucket))
		}
		if on != nil {
			on(what, bucket, err)
		}
	}
}
