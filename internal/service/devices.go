package service

import (
	"cmp"
	"context"
	"log/slog"

	"saveris-bridge/internal/inventory"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// cutOffAfter is how many communication cycles without a word cut a device off where no channel is ever silent: what it delivers when it
// is back is read again all the same.
const cutOffAfter = 3

// devices is the feed of the fleet: what looks at it, and the view of its things.
type devices struct {
	line *inventory.Line
	view *views.View
}

func newDevices(pipe *pipeline.Pipeline, vendor *saveris.Client, notes *notebook.Notes, log *slog.Logger, t Timings, back *poller.Comebacks) *devices {
	s := pipe.Settings
	d := &devices{view: pipe.Inventory(func(_, bucket string, err error) { notes.ViewWritable(schema.Devices, bucket, err) }, log)}
	changes := publish.NewChanges(pipe.JS, pipeline.Broker(s.Streams))
	others := pipe.ForeignLog(schema.Devices, log)
	changes.OnForeign, changes.OnForeignAnswer = others.OnMessage, others.OnAnswer
	changes.Mode, changes.BaseURL = s.ContentMode, s.SaverisURL
	d.line = &inventory.Line{
		Source: vendor, Changes: changes, Interval: s.InventoryInterval, Log: log, Hint: pipeline.PollHint,
		Wanted: pipe.Names.Wanted(), Soonest: t.Wanted, Licence: t.Licence,
		CutOffAfter: cmp.Or(s.SilentAfter, cutOffAfter), OnBack: back.Add,
		OnStored:  func(c schema.StoredFleetChange, sequence uint64) { d.view.Put(views.Thing(c, sequence)) },
		OnRefusal: func(err error) { notes.FeedShut(schema.Devices, err) },
	}
	return d
}

// run looks until ctx ends.
func (d *devices) run(ctx context.Context) error { return d.view.Keep(ctx, d.line.Run) }
