package pipeline

import (
	"log/slog"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// View makes the view of a feed's checkpoints. That they cannot be shown is in the log, and in notes unless they are nil.
func (p *Pipeline) View(feed schema.Feed, notes *Notes, log *slog.Logger) *views.Checkpoints {
	broker := Broker(p.Settings.Streams)
	view, bucket := views.NewCheckpoints(p.JS, broker, feed), broker.Names.Bucket()
	view.OnWritable = func(err error) {
		if err == nil {
			log.Info("checkpoint bucket recovered", "bucket", bucket)
		} else {
			log.Warn("checkpoint bucket cannot be written, retrying; nothing else needs it", "bucket", bucket, "err", err, "hint", BucketHint(err, bucket))
		}
		notes.viewWritable(feed, bucket, err)
	}
	return view
}
