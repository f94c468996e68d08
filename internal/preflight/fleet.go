package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// checkFleet looks at the fleet once, and throws away what it sees. Exports that are not ready in time are no failure.
func checkFleet(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	if c.onWait != nil {
		waiting := time.AfterFunc(noteAfter, func() { c.onWait(schema.Devices, feedPatience) })
		defer waiting.Stop()
	}
	began, things, seen := time.Now(), 0, []schema.FleetKind(nil)
	var wrong []error
	err := fleet.NewWalker(c.vendor, fleet.NewInventory()).Look(ctx, func(look fleet.Look) error {
		switch {
		case look.Err == nil:
			things, seen = things+look.Things, append(seen, look.Kind)
		case !errors.Is(look.Err, saveris.ErrNoSync): // the settings leave it out
			wrong = append(wrong, fmt.Errorf("%s: %w", strings.ReplaceAll(string(look.Kind), "_", " "), look.Err))
		}
		return nil
	})
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case err != nil && !late:
		return c.vendorFailing(err)
	case len(seen) == 0 && len(wrong) > 0:
		return c.feedFailing(schema.Devices, wrong[0])
	}
	c.answered++
	took := time.Since(began).Round(100 * time.Millisecond)
	switch {
	case len(wrong) > 0:
		return warn(adviceOf(wrong[0]), "%d things seen in %v, but %v", things, took, wrong[0])
	case late:
		return info("%d things seen in %v, not all of it is ready yet", things, took)
	}
	return ok("%d things seen in %v%s", things, took, fleetEnds(c.vendor))
}

// fleetEnds says what the vendor has announced of endpoints of the fleet.
func fleetEnds(vendor *saveris.Client) string {
	ends := slices.DeleteFunc(vendor.Announcements(), func(a saveris.Announcement) bool { return !saveris.FleetInOneCall(a.Endpoint) })
	if len(ends) == 0 {
		return ""
	}
	return "; " + notebook.FleetEndText(ends)
}
