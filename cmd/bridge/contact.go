package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/printable"
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
	_, err := contact(once, vendor)
	if err == nil && s.SaverisSync == string(saveris.SyncAlways) {
		for _, feed := range s.Feeds {
			if _, err = readALittle(once, s, vendor, schema.Feed(feed), firstWait); errors.Is(err, saveris.ErrForbidden) {
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

// loginWait is how long a start waits for the vendor before it makes streams.
const loginWait = 10 * time.Second

// tryLogin fails where the vendor refuses the login, or is not at the address that is set: nothing has been made then. All else
// may pass, and firstContact says so. The client that it returns is one to go on after.
func tryLogin(ctx context.Context, s config.Settings, config saveris.Config) (*saveris.Client, error) {
	once, cancel := context.WithTimeout(ctx, loginWait)
	defer cancel()
	vendor, _, err := askTheTime(once, config)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, saveris.ErrAddress), errors.Is(err, saveris.ErrUntrusted), errors.Is(err, saveris.ErrRefused):
		return nil, withLogin(s, err)
	}
	return vendor, nil
}

// askTheTime makes a client and asks it the vendor's time, which a range counts from, and which proves address and login.
func askTheTime(ctx context.Context, config saveris.Config) (*saveris.Client, time.Time, error) {
	vendor, err := saveris.New(config)
	if err != nil {
		return nil, time.Time{}, err
	}
	now, err := contact(ctx, vendor)
	return vendor, now, err
}

// contact asks the vendor's time, and logs in unless he has accepted the login before.
func contact(ctx context.Context, vendor *saveris.Client) (now time.Time, err error) {
	if now, err = vendor.Now(ctx); err == nil && !vendor.LoggedIn() { // a failed login may have told the time
		err = vendor.Login(ctx)
	}
	return now, err
}

// readALittle reads five minutes of an hour ago and throws them away: the smallest window that the vendor wants.
func readALittle(ctx context.Context, s config.Settings, vendor *saveris.Client, feed schema.Feed, patience time.Duration) (saveris.Answer, error) {
	now, err := vendor.Now(ctx)
	if err != nil {
		return saveris.Answer{}, err
	}
	from := now.Add(-time.Hour).Truncate(time.Second)
	answer, err := vendor.Rows(ctx, saveris.Query{
		Feed: poller.VendorFeed(feed), From: from, Until: from.Add(5 * time.Minute), Timeout: patience,
	}, func(*saveris.Row) error { return nil })
	if s.SaverisSync == string(saveris.SyncAlways) && errors.Is(err, saveris.ErrRetired) {
		return saveris.Answer{}, &config.Error{Problems: []error{&config.Problem{
			Name: "SAVERIS_SYNC", Value: s.SaverisSync, Err: err,
			Want: "auto or never: this deployment has no synchronous endpoint for " + string(feed),
		}}}
	}
	return answer, err
}

// withLogin adds to a refusal what we logged in with, for the hint.
func withLogin(s config.Settings, err error) error {
	if s.SaverisAPIKey.Set() {
		return saveris.WithLogin(err, "SAVERIS_API_KEY")
	}
	login := `SAVERIS_USERNAME "` + printable.Text(s.SaverisUsername) + `" and its SAVERIS_PASSWORD`
	if quoted(s.SaverisPassword.Reveal()) {
		login += " (which begins and ends with quotation marks: are they part of it?)"
	}
	return saveris.WithLogin(err, login)
}

// quoted reports whether a text stands in quotation marks, which a shell takes away and a file of variables may not.
func quoted(text string) bool {
	return len(text) > 2 && text[0] == text[len(text)-1] && (text[0] == '"' || text[0] == '\'')
}
