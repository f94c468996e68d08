package saveris

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"saveris-bridge/internal/secret"
)

// SyncMode says when the synchronous route is tried.
type SyncMode string

// The modes of the synchronous route.
const (
	SyncAuto   SyncMode = "auto"   // where the deployment answers it
	SyncNever  SyncMode = "never"  // exports only
	SyncAlways SyncMode = "always" // its errors are errors, exports are asked for only where a feed has nothing else
)

// Format is the file format that exports ask for, in the vendor's word.
type Format string

// The formats that the client reads. The vendor offers four more.
const (
	JSON Format = "JSON"
	CSV  Format = "CSV"
)

// Config says whom to ask and how. BaseURL and one of the two logins are needed, all the rest has defaults.
type Config struct {
	BaseURL  string      // see the function BaseURL; http is meant for simulators and proxies
	Username string      // login of the Saveris Data API, with Password
	Password secret.Text // may hold any character
	APIKey   secret.Text // Smart Connect instead of Username and Password

	// After is a client of the same login that has asked before: this one goes on with its token and the vendor's clock, and both may
	// be used. nil = there is none.
	After *Client

	Sync    SyncMode // empty = SyncAuto
	Exports int      // exports in flight at most, over all feeds; 0 = 2
	NoLive  bool     // nothing is polled live by this client, so queries in the background need not leave it a slot
	Format  Format   // empty = JSON

	// MostRows is how many rows one window may have, of 1 KiB on average: Rows fails with ErrTooLarge where there are more.
	// 0 is no limit.
	MostRows int

	// OnThrottle is called whenever the vendor makes us wait, with until when by the local clock. Like the other hooks it may be
	// nil, and any goroutine may call it.
	OnThrottle func(until time.Time)
	// OnAnswer is called with the status of every HTTP answer, and with 0 for every request that had none.
	OnAnswer func(status int)
	// OnExport is called with how every export ended, and how long that took from asking for it.
	OnExport func(how Outcome, took time.Duration)
	// OnLoginFailure is called for every login that did not work, refused or unanswered.
	OnLoginFailure func()
	// OnNotice is called for what the client finds out about the vendor that a person should know, once for each such thing.
	OnNotice func(Notice)
	// Requests remembers running exports across restarts; nil forgets them.
	Requests Requests
	// Shared has all processes of a prefix keep to Exports together, and follow the vendor's wish to be left alone when one of
	// them was told, while Share runs; nil = this process is alone.
	Shared Shared

	// ExportTimeout is how long the vendor may take to prepare an export before Rows fails with ErrNotReady; 0 = 15 minutes. An
	// export that is not ready after twice as long is given up.
	ExportTimeout time.Duration

	FirstPoll time.Duration // wait before an export is polled first, more where exports are known to take longer; 0 = 2 s
	Answer    time.Duration // wait for the head of an HTTP answer, connecting included; 0 = 40 s (the gateway gives up after 29 s)
	Stall     time.Duration // wait for the next byte of a body; 0 = 60 s

	RetryWait     time.Duration // wait before what failed is tried again first; 0 = 500 ms
	ThrottledWait time.Duration // the same where the vendor throttles without saying for how long; 0 = 2 s
}

// Client reads the vendor's API. Many goroutines may use one Client.
type Client struct {
	cfg        Config
	base       string            // base URL without a slash at its end
	host       string            // where files may come from over http, empty where the API itself is https
	local      bool              // the API is on this machine, or http, as in tests: files may be on this machine too
	api, files http.RoundTripper // files never sees a login

	*known
	throttle throttle
	slots    *slots
	budget   *budget
	flights  flights
	notReady notReady
	pace     pace
	versions versions
	syncs    sync.Map // what is known of the synchronous route, by feed
	absent   sync.Map // paths of snapshots: since when they are of no use, by the local clock; zero where they answer
}

// known is what clients of one login know of the vendor.
type known struct {
	clock     clock
	tokens    *tokens
	announced announcements
	accepted  atomic.Bool // whoever we say we are has been let in
}

// New makes a client; it asks nobody anything. It fails on settings that cannot work.
func New(cfg Config) (*Client, error) {
	address, _, err := BaseURL(strings.TrimSpace(cfg.BaseURL))
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(address)
	if err != nil {
		return nil, err // BaseURL has parsed it
	}
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	c := &Client{
		cfg:      cfg,
		base:     address,
		api:      newTransport(cfg.Answer),
		local:    base.Scheme == "http" || thisMachine(base.Hostname()),
		known:    &known{tokens: newTokens()},
		throttle: throttle{onHold: cfg.OnThrottle},
		slots:    newSlots(cfg.Exports, !cfg.NoLive),
		pace:     pace{first: cfg.FirstPoll},
	}
	c.budget = newBudget(&cfg, c.flights.overdue, c.throttle.follow)
	c.throttle.onOwnHold = c.budget.throttledUntil
	if base.Scheme == "http" {
		c.host = base.Host
	}
	c.files = c.newFileTransport()
	if cfg.After != nil {
		return c, c.goOnAfter(cfg.After)
	}
	return c, nil
}

// goOnAfter takes over what another client knows, and notices what that one has.
func (c *Client) goOnAfter(before *Client) error {
	if c.base != before.base || c.cfg.Username != before.cfg.Username || c.cfg.APIKey.Reveal() != before.cfg.APIKey.Reveal() {
		return errors.New("login: the client before this one has another")
	}
	c.known = before.known
	if why := c.clock.trouble(); why != "" {
		c.notice(Notice{Kind: ClockLost, Text: why})
	}
	for _, end := range c.Announcements() {
		c.notice(Notice{Kind: Announced, Endpoint: end.Endpoint, End: end})
	}
	return nil
}

// complete fills in the defaults and checks the rest.
func (c *Config) complete() error {
	bearer := c.Username != "" || c.Password.Set()
	switch {
	case bearer && c.APIKey.Set():
		return errors.New("login: want a user name and password or an API key, not both")
	case !c.APIKey.Set() && (c.Username == "" || !c.Password.Set()):
		return errors.New("login: want a user name and password, or an API key")
	case strings.ContainsFunc(c.APIKey.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("API key: it holds blanks or characters that no key has")
	}
	c.Sync = cmp.Or(c.Sync, SyncAuto)
	c.Format = cmp.Or(c.Format, JSON)
	c.Exports = cmp.Or(c.Exports, 2)
	c.ExportTimeout = cmp.Or(c.ExportTimeout, 15*time.Minute)
	c.FirstPoll = cmp.Or(c.FirstPoll, 2*time.Second)
	c.Answer = cmp.Or(c.Answer, 40*time.Second)
	c.Stall = cmp.Or(c.Stall, time.Minute)
	c.RetryWait = cmp.Or(c.RetryWait, 500*time.Millisecond)
	c.ThrottledWait = cmp.Or(c.ThrottledWait, 2*time.Second)
	if c.Sync != SyncAuto && c.Sync != SyncNever && c.Sync != SyncAlways {
		return fmt.Errorf("sync: %q is not auto, never or always", c.Sync)
	}
	if c.Format != JSON && c.Format != CSV {
		return fmt.Errorf("format: %q is not JSON or CSV", c.Format)
	}
	if c.Exports < 0 || c.MostRows < 0 || c.ExportTimeout < 0 || min(c.FirstPoll, c.Answer, c.Stall, c.RetryWait, c.ThrottledWait) < 0 {
		return errors.New("exports, rows and times cannot be negative")
	}
	return nil
}

// Rows reads one window and hands every row of it to each: Prepare and Result.Rows in one, for whoever has nothing to do in
// between. Errors: ErrRefused, ErrForbidden, ErrRetired, ErrTooLarge, ErrNotReady, ErrAddress, ErrNotUnderstood, those of ctx,
// and *Error for everything that may work at the next attempt.
func (c *Client) Rows(ctx context.Context, q Query, each func(*Row) error) (Answer, error) {
	r, err := c.Prepare(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	n, err := r.Rows(ctx, each)
	if err != nil {
		return Answer{}, err
	}
	return r.answer(n), nil
}

// Now returns the vendor's time in UTC, up to a second early: the Date of his last answers plus what has passed since by
// the local monotonic clock. Where his answers have none to go by it is the local time, see ClockTrouble. Where he has not
// answered yet it makes one cheap request, which may fail as Login does.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	if now, known := c.clock.vendorTime(time.Now()); known {
		return now, nil
	}
	if err := c.probe(ctx); err != nil {
		return time.Time{}, err
	}
	now, _ := c.clock.vendorTime(time.Now())
	return now, nil
}

// ClockTrouble returns what is wrong with the Date of the vendor's answers, so that the local clock is used; empty
// where nothing is.
func (c *Client) ClockTrouble() string { return c.clock.trouble() }

// Login proves that the vendor accepts the login: it fetches a new token, or with an API key polls an export that does
// not exist. It fails with ErrRefused, ErrAddress or whatever was in the way; a missing licence may show only in Rows.
func (c *Client) Login(ctx context.Context) error {
	if c.cfg.APIKey.Set() {
		return c.probe(ctx)
	}
	_, err := c.token(ctx, c.tokens.text())
	return err
}

// probe makes the cheapest request that needs the login.
func (c *Client) probe(ctx context.Context) error {
	if !c.cfg.APIKey.Set() {
		_, err := c.token(ctx, "")
		return err
	}
	return c.probeKey(ctx)
}
