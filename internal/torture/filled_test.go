//go:build torture

package torture

import (
	"context"
	"os/exec"
	"time"
)

// fillOld has a backfill cover an hour of a day before the world began, another day each time: what it stores of that is a record, which no
// bridge ever reads or writes again. Where it is lost, nothing but a look at all days takes it out of the checkpoint bucket.
func (a *arena) fillOld(ctx context.Context) {
	a.filled++
	from := a.start.Truncate(24*time.Hour).AddDate(0, 0, -2*a.filled)
	cmd := exec.CommandContext(ctx, bridgeBinary, "backfill", "--feeds", "readings",
		"--from", from.Format(time.RFC3339), "--until", from.Add(time.Hour).Format(time.RFC3339))
	cmd.Env, cmd.Dir = append(a.bridgeEnv(0, 1), "NATS_URL=nats://"+a.nodes[0].addr), a.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
		a.Errorf("fill %s: %v: %s", from.Format(time.DateOnly), err, out)
	}
}

// loseFilled loses the tail that a backfill has just become a part of.
func loseFilled(ctx context.Context, a *arena) {
	a.fillOld(ctx)
	loseTail(ctx, a)
}

// deleteFilled removes the buckets, one of which shows such a day.
func deleteFilled(ctx context.Context, a *arena) {
	a.fillOld(ctx)
	deleteBuckets(ctx, a)
}
