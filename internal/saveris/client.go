package saveris

import (
	"context"
	"errors"
	"time"

	"saveris-bridge/internal/secret"
)

// SyncMode says when the synchronous route is tried.
type SyncMode string

// The modes of the synchronous route.
const (
	SyncAuto   SyncMode = "auto"   // where the deployment answers it
	SyncNever  SyncMode = "never"  // exports only
	SyncAlways SyncMode = "always" // its errors are errors, exports are never asked for
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
	BaseURL  string      // without the version part; http is meant for simulators and proxies
	Username string      // login of the Saveris Data API, with Password
	Password secret.Text // may hold any character
	APIKey   secret.Text // Smart Connect instead of Username and Password

	Sync    SyncMode // empty = SyncAuto
	Exports int      // exports in flight at most, over all feeds; 0 = 2
	Format  Format   // empty = JSON

	// Throttled is told whenever the vendor makes us wait, and until when by the local clock. Any goroutine may call it.
	Throttled func(until time.Time)
	// Requests remembers running exports across restarts; nil forgets them.
	Requests Requests

	FirstPoll time.Duration // wait before an export is polled first while nothing is known of the vendor's pace; 0 = 200 ms
	Answer    time.Duration // wait for the head of an HTTP answer, connecting included; 0 = 60 s (the gateway gives up after 29 s)
	Stall     time.Duration // wait for the next byte of a body; 0 = 60 s
}

// Requests keeps the request_uuid of running exports, so that the next process adopts what a dead one began. A key has
// only A-Z a-z 0-9 _ - and dots. Errors are not fatal: an export that is not remembered is merely submitted again.
type Requests interface {
	Find(ctx context.Context, key string) (request string, err error) // "" when there is none
	Keep(ctx context.Context, key, request string) error
	Drop(ctx context.Context, key string) error
}

// Client reads the vendor's API. Many goroutines may use one Client.
type Client struct {
	cfg Config
}

// New makes a client; it asks nobody anything. It fails on settings that cannot work.
func New(cfg Config) (*Client, error) {
	return &Client{cfg: cfg}, nil
}

// Rows reads one window and hands every row of it to each, in no order. It is one attempt at the whole window: a file
// that broke off is read again from its start, so a row may be handed over more than once, and after an error the
// caller discards what it got. An error of each ends it and is returned as it is. Errors: ErrRefused, ErrTooLarge,
// ErrAddress, those of ctx, and *Error for everything that may work at the next attempt.
func (c *Client) Rows(ctx context.Context, q Query, each func(*Row) error) (Answer, error) {
	return Answer{}, errors.New("not yet")
}

// Now tells the vendor's time in UTC, up to a second early: the Date of his last answer plus what has passed since by
// the local monotonic clock. Where he has not answered yet it makes one cheap request, which may fail as Login does.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	return time.Time{}, errors.New("not yet")
}

// Login proves that the vendor accepts the login: it fetches a new token, or with an API key polls an export that does
// not exist. It fails with ErrRefused, ErrAddress or whatever was in the way.
func (c *Client) Login(ctx context.Context) error { return errors.New("not yet") }
