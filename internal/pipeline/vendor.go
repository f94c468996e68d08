package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// VendorConfig returns how the vendor is reached and asked, where windows should hold so many rows (BRIDGE_WINDOW_ROWS).
func VendorConfig(s config.Vendor, windowRows int) saveris.Config {
	return saveris.Config{
		BaseURL:  s.SaverisURL,
		Username: s.SaverisUsername,
		Password: s.SaverisPassword,
		APIKey:   s.SaverisAPIKey,
		Sync:     saveris.SyncMode(s.SaverisSync),
		Exports:  s.SaverisExports,
		MostRows: max(mostRows, 10*windowRows),

		ExportTimeout: s.ExportTimeout,
		FirstPoll:     s.FirstPoll,
	}
}

// mostRows is what a window may hold whatever windows should hold: five minutes of the largest fleet have a tenth of it.
const mostRows = 1_000_000

// SharedVendorConfig returns how the vendor is asked by whoever publishes what he answers, after the login was tried by another client:
// what he has in flight is remembered across restarts and shared with other processes.
func (p *Pipeline) SharedVendorConfig(ctx context.Context, tried *saveris.Client, log *slog.Logger) saveris.Config {
	c := VendorConfig(p.Settings.Vendor, p.Settings.WindowRows)
	c.After = tried
	c.OnThrottle = func(until time.Time) { log.Info("throttled (HTTP 429)", "until", until.UTC().Truncate(time.Second)) }
	requests, err := publish.OpenRequests(ctx, p.JS, Broker(p.Settings.Streams))
	if err != nil {
		log.Warn("running exports are neither remembered across restarts nor shared with other processes", "err", err)
		return c
	}
	c.Requests, c.Shared = requests, requests
	return c
}

// Sharing does work while other processes know what the client has in flight.
func Sharing(ctx context.Context, vendor *saveris.Client, work func() error) error {
	ctx, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = vendor.Share(ctx) // the error of ctx
	}()
	defer func() { end(); <-ended }()
	return work()
}

// loginWait is how long a start waits for the vendor before it makes streams.
const loginWait = 10 * time.Second

// TryLogin fails where the vendor refuses the login, or is not at the address that is set: nothing has been made then. All else may
// pass, and the first contact says so. The client that it returns is one to go on after.
func TryLogin(ctx context.Context, s config.Vendor, c saveris.Config) (*saveris.Client, error) {
	once, cancel := context.WithTimeout(ctx, loginWait)
	defer cancel()
	vendor, _, err := AskTime(once, c)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case EndsStart(err):
		return nil, WithLogin(s, err)
	}
	return vendor, nil
}

// EndsStart reports whether an error of the vendor's ends a start: a wrong address, a certificate that is not trusted, or a login that he
// refuses. Waiting heals none of them.
func EndsStart(err error) bool {
	return errors.Is(err, saveris.ErrAddress) || errors.Is(err, saveris.ErrUntrusted) || errors.Is(err, saveris.ErrRefused)
}

// AskTime makes a client and asks it the vendor's time, which a range counts from, and which proves address and login.
func AskTime(ctx context.Context, c saveris.Config) (*saveris.Client, time.Time, error) {
	vendor, err := saveris.New(c)
	if err != nil {
		return nil, time.Time{}, err
	}
	now, err := Contact(ctx, vendor)
	return vendor, now, err
}

// Contact asks the vendor's time, and logs in unless he has accepted the login before.
func Contact(ctx context.Context, vendor *saveris.Client) (now time.Time, err error) {
	if now, err = vendor.Now(ctx); err == nil && !vendor.LoggedIn() { // a failed login may have told the time
		err = vendor.Login(ctx)
	}
	return now, err
}

// ReadALittle reads five minutes of an hour ago and throws them away: the smallest window that the vendor wants. An export may take as
// long as patience says.
func ReadALittle(ctx context.Context, s config.Vendor, vendor *saveris.Client, feed schema.Feed, patience time.Duration) (saveris.Answer, error) {
	now, err := vendor.Now(ctx)
	if err != nil {
		return saveris.Answer{}, err
	}
	from := now.Add(-time.Hour).Truncate(time.Second)
	answer, err := vendor.Rows(ctx, saveris.Query{
		Feed: schema.VendorFeed(feed), From: from, Until: from.Add(5 * time.Minute), Timeout: patience,
	}, func(*saveris.Row) error { return nil })
	if s.SaverisSync == string(saveris.SyncAlways) && errors.Is(err, saveris.ErrRetired) {
		return saveris.Answer{}, &config.Error{Problems: []error{&config.Problem{
			Name: "SAVERIS_SYNC", Value: s.SaverisSync, Err: err,
			Want: "auto or never: this deployment has no synchronous endpoint for " + string(feed),
		}}}
	}
	return answer, err
}

// WithLogin adds to a refusal what we logged in with, for the hint.
func WithLogin(s config.Vendor, err error) error {
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
