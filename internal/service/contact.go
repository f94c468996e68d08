package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"
)

// firstContact asks the vendor the time once before the feeds start, which proves address and login. What pipeline.EndsStart names, and
// SAVERIS_SYNC=always where that cannot work, end a start. Everything else may pass, and the feeds
// try again by themselves: once running, a bridge outlives every outage. It waits so long for an answer.
func firstContact(ctx context.Context, s config.Pipeline, vendor *saveris.Client, wait time.Duration, log *slog.Logger) error {
	once, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	_, err := pipeline.Contact(once, vendor)
	if err == nil && s.SaverisSync == string(saveris.SyncAlways) {
		for _, feed := range pipeline.Feeds(s.Streams) {
			if _, err = pipeline.ReadALittle(once, s.Vendor, vendor, feed, wait); errors.Is(err, saveris.ErrForbidden) {
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
	case pipeline.EndsStart(err), errors.As(err, &wrong):
		return err
	case err != nil:
		_, advice := hint.Of(err)
		log.Warn("the vendor does not answer yet, retrying", "vendor", config.MaskURL(s.SaverisURL), "err", err, "hint", advice)
	}
	return nil
}

// maxRefused is how often in a row a login has to be refused to be believed. Any other failure in between begins the count anew, unlike
// with saveris.Refusals: nothing is at stake before this bridge takes over.
const maxRefused = 3

// proveLogin logs in where nobody else has, after a pause and again after each: whoever stands by has to know that it could take over.
// It fails where the vendor refuses.
func proveLogin(ctx context.Context, vendor *saveris.Client, pause time.Duration) error {
	for refused := 0; ; {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if vendor.LoggedIn() {
			return nil
		}
		err := vendor.Login(ctx)
		if !errors.Is(err, saveris.ErrRefused) {
			refused = 0
		} else if refused++; refused == maxRefused {
			return err
		}
	}
}
