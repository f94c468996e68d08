package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/web"
)

// auditLimits are how many readings a report that the page links to may read, beside live polling. A million takes some ten seconds of a
// core, and those of a day take 32 bytes each.
type auditLimits struct{ all, day uint64 }

var usualAudit = auditLimits{all: 2_000_000, day: 500_000}

// audits returns what makes the report of the last days.
func audits(source audit.Source, most auditLimits) func(ctx context.Context, days int) (web.Report, error) {
	return func(ctx context.Context, days int) (web.Report, error) {
		now := time.Now().UTC().Truncate(time.Second)
		span := checkpoint.Span{From: now.Add(-time.Duration(days) * 24 * time.Hour), Until: now}
		all, day, err := source.Size(ctx, span)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, errors.New("no readings are stored, there is no stream for them")
		}
		if err != nil {
			return nil, err
		}
		if all > most.all || day > most.day {
			return nil, fmt.Errorf("%w: these days hold %d readings, %d of them on one day, and at most %d and %d are read beside live polling; "+
				"bridge audit --from %dd --html audit.html makes it in a process of its own", web.ErrTooLarge, all, day, most.all, most.day, days)
		}
		report, err := source.Report(ctx, span, now)
		if err != nil {
			return nil, err
		}
		return report, nil
	}
}
