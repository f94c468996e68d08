package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// firstWait is how long a start waits for the vendor to say who he is. What he answers later, the feeds hear.
const firstWait = 30 * time.Second

// firstContact asks the vendor the time once before the feeds start, which proves address and login. A wrong address, a
// certificate that is not trusted, a refused login, and SAVERIS_SYNC=always where that cannot work end a start. Everything else may pass, and the feeds try
// again by themselves: once running, a bridge outlives every outage.
func firstContact(ctx context.Context, s config.Settings, vendor *saveris.Client, logger *slog.Logger) error {
	once, cancel := context.WithTimeout(ctx, firstWait)
	defer cancel()
	_, err := pipeline.Contact(once, vendor)
	if err == nil && s.SaverisSync == string(saveris.SyncAlways) {
		for _, feed := range s.Feeds {
			if _, err = pipeline.ReadALittle(once, s.Vendor, vendor, schema.Feed(feed), firstWait); errors.Is(err, saveris.ErrForbidden) {
				err = nil // of this feed alone, perhaps: the feeds find out
			}
			if err != nil {
				break
			}
		}
	}
	var wrong *config.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, saveris.ErrAddress), errors.Is(err, saveris.ErrUntrusted), errors.Is(err, saveris.ErrRefused), errors.As(err, &wrong):
		return err
	case err != nil:
		logger.Warn("the vendor does not answer yet, retrying", "vendor", config.MaskURL(s.SaverisURL), "err", err, "hint", adviceOf(err))
	}
	return nil
}
