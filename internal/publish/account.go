package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/schema"
)

// Coverage that one account of the vendor's has read never counts for another: its rows would be lost in silence. So every
// record bears the account of its writer, and a record vouches for all records before it in its stream:
//
//   - Nobody writes the first record of a prefix but by a claim, which only one can win, or where the newest records are of
//     its account, or of one that was found to be the same.
//   - Whatever a writer reads of a record or a page counts only if its account is known: ours, found to be the same, or
//     vouched for by the record that was the newest one when this process looked.
//
// Who finds out whether two accounts are the same is not this package: an AnotherAccount says that it is to be found out.

// AccountOf returns what stands for an account in records and leases: 16 hex digits of SHA-256 over the vendor's URL, which
// ends without a slash, a line feed, and the user name or the API key.
func AccountOf(url, login string) string {
	sum := sha256.Sum256([]byte(strings.TrimRight(url, "/") + "\n" + login))
	return hex.EncodeToString(sum[:8])
}

// AnotherAccount says that a record or a lease is of an account that is not known to be ours.
type AnotherAccount struct {
	Theirs string // empty where an older build wrote no account
	Ours   string
	Where  string // what bears it
	Found  string // what a comparison of rows has found, empty where there was none yet
	Rows   int    // readings of the vendor's that were compared, none of which is stored: there is no doubt then
	Polls  bool   // a lease bears it as well, or nothing else
}

func (e *AnotherAccount) Error() string {
	theirs := "account " + e.Theirs
	if e.Theirs == "" {
		theirs = "an account without a name, as older builds wrote it"
	}
	text := fmt.Sprintf("%s is of %s, and this login is account %s", e.Where, theirs, e.Ours)
	if e.Found != "" {
		text += ": " + e.Found
	}
	return text
}

// Advice returns the exit code and what to do.
func (e *AnotherAccount) Advice() (code int, text string) {
	const own = "give each account a BRIDGE_PREFIX of its own"
	if e.Rows > 0 {
		return hint.Settings, own + "; bridge checkpoint adopt is only for another login of the same account, and this one looks like another account"
	}
	return hint.Settings, own + "; if this is another login of the same account, bridge checkpoint adopt takes its coverage over"
}

// Accounts says whose coverage a process may take for its own. All writers and leases of the process share it. It may be
// used by many goroutines; where it is nil, accounts are neither written nor looked at.
type Accounts struct {
	js     jetstream.JetStream
	config Config
	own    string
	// NoLeases is for whoever has the store of the broker to himself: a lease there is of a process that has died.
	NoLeases bool
	// OnRecord is called with the records by which the prefix is claimed, of whichever feed; nil = not at all.
	OnRecord func(feed schema.Feed, r checkpoint.RecordMessage)

	mu    sync.Mutex
	same  map[string]bool                 // found to be the same as ours
	heads map[schema.Feed]checkpoint.Head // the newest records when Look looked last; nil before

	claiming sync.Mutex
	claimed  bool
}

// NewAccounts returns what is known at the start of a process: that its own account is its own.
func NewAccounts(js jetstream.JetStream, config Config, own string) *Accounts {
	return &Accounts{js: js, config: config, own: own, same: map[string]bool{own: true}}
}

// Own returns the account of this process, "" where there is none.
func (a *Accounts) Own() string {
	if a == nil {
		return ""
	}
	return a.own
}

// Trust notes that another account was found to be the same as ours.
func (a *Accounts) Trust(theirs string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.same[theirs] = true
}

// knows reports whether what an account has read counts for ours.
func (a *Accounts) knows(theirs string) bool {
	if a == nil {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.same[theirs]
}

// another returns the error for what bears an account that is not known.
func (a *Accounts) another(theirs, format string, args ...any) *AnotherAccount {
	return &AnotherAccount{Theirs: theirs, Ours: a.own, Where: fmt.Sprintf(format, args...)}
}

// Look reads the newest record of every feed of the prefix, and who polls, and returns the accounts among them that are not
// known, each once. A stream that does not exist has no record.
func (a *Accounts) Look(ctx context.Context) (unknown []*AnotherAccount, err error) {
	newest, leaders := make([]checkpoint.Head, len(Feeds)), make([]*AnotherAccount, len(Feeds))
	group, both := errgroup.WithContext(ctx)
	for i, feed := range Feeds {
		group.Go(func() (err error) {
			newest[i], err = a.stream(feed).Newest(both)
			if jsapi.HasCode(err, jetstream.JSErrCodeStreamNotFound) {
				err = nil
			}
			return err
		})
		group.Go(func() error {
			leaders[i] = a.leader(both, feed)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	heads := map[schema.Feed]checkpoint.Head{}
	var found []*AnotherAccount
	for i, head := range newest {
		if head.Seq > 0 {
			heads[Feeds[i]] = head
			found = append(found, a.ofRecord(head))
		}
	}
	a.mu.Lock()
	a.heads = heads
	a.mu.Unlock()
	return a.unknown(append(found, leaders...)), nil
}

// unknown leaves out what is nil or known, and names each account once.
func (a *Accounts) unknown(list []*AnotherAccount) (unknown []*AnotherAccount) {
	named := map[string]*AnotherAccount{}
	for _, one := range list {
		switch {
		case one == nil || a.knows(one.Theirs):
		case named[one.Theirs] != nil:
			named[one.Theirs].Polls = named[one.Theirs].Polls || one.Polls
		default:
			named[one.Theirs] = one
			unknown = append(unknown, one)
		}
	}
	return unknown
}

// Covered reports whether there was a record of anybody's when Look looked last.
func (a *Accounts) Covered() bool { return len(a.Newest()) > 0 }

func (a *Accounts) ofRecord(p checkpoint.Head) *AnotherAccount {
	return a.another(p.Account, "the record of %s.%s at sequence %d", p.Feed, p.Day, p.Seq)
}

// leader returns the account of whoever polls a feed, nil where nobody does or nobody can say: a lease keeps no promise.
func (a *Accounts) leader(ctx context.Context, feed schema.Feed) *AnotherAccount {
	if a.NoLeases {
		return nil
	}
	kv, err := a.js.KeyValue(ctx, a.config.Names.Leases())
	if err != nil {
		return nil
	}
	entry, err := kv.Get(ctx, lease.Key(string(feed), lease.Leader))
	if err != nil || lease.Account(entry.Value()) == "" {
		return nil
	}
	return a.ofLease(feed, entry.Value())
}

func (a *Accounts) ofLease(feed schema.Feed, value []byte) *AnotherAccount {
	one := a.another(lease.Account(value), "the lease of %s, who polls %s,", lease.Owner(value), feed)
	one.Polls = true
	return one
}

func (a *Accounts) stream(feed schema.Feed) *checkpoint.Stream {
	return checkpoint.NewStream(a.js, a.config.Names.Stream(feed), a.config.Names.Prefix, string(feed))
}

// Newest returns the newest record of each feed that has one, as Look found them last; nil before. It must not be changed.
func (a *Accounts) Newest() map[schema.Feed]checkpoint.Head {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.heads
}

// admit returns an AnotherAccount for a record whose coverage does not count for ours.
func (a *Accounts) admit(ctx context.Context, feed schema.Feed, p checkpoint.Head) error {
	if p.Seq == 0 || a.knows(p.Account) {
		return nil
	}
	head := a.Newest()[feed]
	if p.Seq < head.Seq && a.knows(head.Account) {
		stands, err := a.stream(feed).Holds(ctx, head)
		if err != nil {
			return err
		}
		if stands {
			a.Trust(p.Account)
			return nil
		}
	}
	return a.ofRecord(p)
}
