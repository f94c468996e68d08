package preflight

import (
	"context"
	"errors"

	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/views"

	"github.com/nats-io/nats.go/jetstream"
)

// optionalBucket is a bucket that a bridge can do without.
type optionalBucket struct {
	name    string
	check   func(jetstream.StreamConfig) error // of the stream behind it
	does    string
	without string // what is so where it cannot be had
	by      string // the command that creates it
}

func optionalBuckets(broker publish.Config) []optionalBucket {
	return []optionalBucket{
		{broker.Names.Checkpoints(), views.CheckBucket, "shows the checkpoints", "nobody sees what is read from now on: bridge status and the page are not updated", "run"},
		{broker.Names.Inventory(), views.CheckBucket, "shows the fleet", "nobody sees the fleet as it is now in " + broker.Names.Inventory() + "; the stream has it", "run"},
		{broker.Names.Latest(), views.CheckBatchBucket, "shows the newest readings", "nobody sees the newest reading of each channel in " + broker.Names.Latest() + "; the stream has them", "run"},
		{broker.Names.OpenAlarms(), views.CheckBatchBucket, "shows the open alarms", "nobody sees which alarms are open in " + broker.Names.OpenAlarms() + "; the stream has them", "run"},
		{broker.Names.Requests(), publish.CheckRequests, "remembers running exports, and how many each process has", "running exports are not remembered across restarts, and processes do not keep to SAVERIS_EXPORTS together", "run"},
		{broker.Names.Leases(), publish.CheckLeases, "says who works at what", "two bridges poll beside each other, and workers do not share a backfill", "run"},
		{broker.Names.Backfills(), nil, "tells how backfills go", "nobody is told how backfills go", "the first bridge backfill"},
	}
}

// run checks it, and never fails.
func (a optionalBucket) run(ctx context.Context, c *checkup) Finding {
	f := a.look(ctx, c)
	if f.Err == nil {
		return f
	}
	return warn(f.Hint, "%s: %v", a.without, f.Err)
}

func (a optionalBucket) look(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
	defer cancel()
	if f := c.mayAsk(ctx, publish.BucketStream(a.name)); f != nil {
		return *f
	}
	found := ok("%s", a.does)
	info, err := c.stream(ctx, publish.BucketStream(a.name))
	if err == nil && a.check != nil {
		err = a.check(info.Config)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		found, err = c.mayCreate(ctx, publish.BucketStream(a.name), a.by), nil
		if found.Err == nil && c.account != nil {
			err = c.oneMore(c.account)
		}
	}
	switch {
	case found.Err != nil:
		return found
	case errors.Is(err, publish.ErrBucketSettings):
		return fail(err, pipeline.BucketHint(err, a.name))
	case err != nil:
		return fail(err, natsconn.Hint(err))
	}
	if err := mayPublish(ctx, c.nc, publish.KeySubject(c.js, a.name, "check")); err != nil {
		return fail(err, c.allow(err, publish.KeySubject(c.js, a.name, ">")))
	}
	return found
}
