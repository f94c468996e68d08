package poller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Proof finds out whether another account is ours under another login: it reads the newest hour again in which the other one
// has stored rows, and one row whose id is among them proves it. It stores nothing.
type Proof struct {
	Source   *saveris.Client
	Accounts *publish.Accounts
	Maker    func(feed schema.Feed) *schema.Maker
	Log      *slog.Logger
	Once     bool          // fail where vendor or broker do not answer, instead of asking again and again
	Wait     time.Duration // before it asks again first, more after each time; 0 = a second
}

// Settle looks whose the newest records and the leases are, until all are known to be ours. It fails with a
// publish.AnotherAccount where one is not, with saveris.ErrRefused, and with the context's error; an outage it outlives.
func (p *Proof) Settle(ctx context.Context) error {
	for {
		var unknown []*publish.AnotherAccount
		err := p.retry(ctx, func() (err error) {
			unknown, err = p.Accounts.Look(ctx)
			return err
		})
		if err != nil || len(unknown) == 0 {
			return err
		}
		for _, one := range unknown {
			if err := p.Admit(ctx, one); err != nil {
				return err
			}
		}
	}
}

// Admit compares what an account has stored with what the vendor shows us, and has the account trusted if it is ours. It fails
// like Settle.
func (p *Proof) Admit(ctx context.Context, other *publish.AnotherAccount) error {
	found := *other
	found.Found = "there are no rows to compare, it has stored none"
	var refused error // of a feed
	for _, feed := range publish.Feeds {
		compared, err := p.compare(ctx, feed, other.Theirs)
		switch {
		case errors.Is(err, saveris.ErrForbidden), errors.Is(err, saveris.ErrRetired):
			refused = err
			continue
		case err != nil:
			return err
		case compared.known:
			p.Accounts.Trust(other.Theirs)
			p.Log.Info("the same account under another login, its coverage counts", "was", other.Theirs, "account", p.Accounts.Own(),
				"feed", feed, "from", compared.From, "until", compared.Until)
			return nil
		case compared.Empty():
			continue
		}
		if found.Found = compared.text(feed); feed == schema.Readings { // an alarm that has changed since has another id
			if found.Rows = compared.rows; found.Rows > 0 {
				return &found
			}
		}
	}
	if refused != nil {
		return refused
	}
	return &found
}

// comparison is what the vendor showed of a window, an empty one where there was nothing to compare.
type comparison struct {
	Window
	rows  int  // that can be events
	known bool // one of them is stored
}

// text says what was compared in vain.
func (c *comparison) text(feed schema.Feed) string {
	if c.rows == 0 {
		return fmt.Sprintf("the vendor shows it no %s until %s, where some are stored", feed, c.Until.Format(time.RFC3339))
	}
	return fmt.Sprintf("none of the %d %s until %s that the vendor shows it is stored", c.rows, feed, c.Until.Format(time.RFC3339))
}

// proofWidth is how much time is read again.
const proofWidth = time.Hour

func (p *Proof) compare(ctx context.Context, feed schema.Feed, account string) (c comparison, err error) {
	width, since, empties := proofWidth, time.Time{}, 0
	again := func(reason error) error { // what is empty may not be so in a moment
		if empties++; empties == maxFailures || p.Once {
			return nil
		}
		return reason
	}
	err = p.retry(ctx, func() error {
		now, err := p.Source.Now(ctx)
		if err != nil {
			return err
		}
		if since.IsZero() {
			since = now // what another process asked for may be another account's
		}
		sample, err := p.Accounts.Sample(ctx, feed, account, now.Add(-time.Second))
		if err != nil {
			return err
		}
		if sample == nil {
			return again(errStoredNone)
		}
		until := whole(sample.At).Add(time.Second)
		c = comparison{}
		c.From, c.Until = until.Add(-width), until
		err = p.read(ctx, feed, &c, sample, since)
		if errors.Is(err, saveris.ErrTooLarge) {
			width = max(minWindow, width/2)
		}
		if err == nil && c.rows == 0 {
			return again(errShowsNone)
		}
		return err
	})
	return c, err
}

// Why something is looked at again.
var (
	errStoredNone = errors.New("the other account has stored no row yet")
	errShowsNone  = errors.New("the vendor shows no row of an hour in which some are stored")
)

// errKnown ends a reading: one row is enough.
var errKnown = errors.New("a row is known")

func (p *Proof) read(ctx context.Context, feed schema.Feed, c *comparison, sample *publish.Sample, since time.Time) error {
	maker := p.Maker(feed)
	_, err := p.Source.Rows(ctx, saveris.Query{Feed: schema.VendorFeed(feed), From: c.From, Until: c.Until, AskedSince: since}, func(row *saveris.Row) error {
		event := maker.Event(row, schema.Window(c.Span), c.Until)
		if event.Rejected {
			return nil
		}
		c.rows++
		if c.known = event.Day() == sample.Day && sample.Has(event.ID); c.known {
			return errKnown
		}
		return nil
	})
	if c.known {
		return nil
	}
	return err
}

// retry tries until it succeeds, or fails for good.
func (p *Proof) retry(ctx context.Context, try func() error) error {
	pause := backoff.NewExponentialBackOff(backoff.WithInitialInterval(cmp.Or(p.Wait, time.Second)), backoff.WithMultiplier(2),
		backoff.WithMaxInterval(maxWait), backoff.WithMaxElapsedTime(0))
	refusals := saveris.Refusals{Worked: true}
	return backoff.RetryNotify(func() error {
		err := try()
		refused := refusals.Confirm(err)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return backoff.Permanent(ctx.Err())
		case p.Once, refused:
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(pause, ctx), func(err error, d time.Duration) {
		p.Log.Warn("cannot tell yet whose coverage it is, retrying", "wait", d, "err", err)
	})
}
