package saveris

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Requests keeps what identifies running exports, so that the next process adopts what a dead one began. A key has only
// A-Z a-z 0-9 _ - and dots, a request is one short line. Its errors are not fatal: an export that was not remembered is
// submitted again, and the orphan is harmless.
type Requests interface {
	Find(ctx context.Context, key string) (request string, err error) // "" when there is none
	Keep(ctx context.Context, key, request string) error
	Drop(ctx context.Context, key string) error
	Keys(ctx context.Context) ([]string, error)
}

// requestLife is how long a running export is worth remembering: the vendor's links live a day.
const requestLife = 24 * time.Hour

// keepTime bounds what remembering may cost.
const keepTime = 5 * time.Second

func (c *Client) keep(ctx context.Context, x export) {
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	_ = c.cfg.Requests.Keep(ctx, x.key, x.askedAt.Format(time.RFC3339Nano)+" "+x.uuid+" "+x.path)
}

func (c *Client) drop(ctx context.Context, x export) {
	if !x.stored {
		return
	}
	x.waitKept()
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	_ = c.cfg.Requests.Drop(ctx, x.key) // what stays is found to be forgotten later
}

// adopt returns the export of a window that was not ready when it was read before, or else the one that was found. ok is false
// where there is none that may answer the query.
func (c *Client) adopt(found export, q *Query) (x export, ok bool) {
	if x, ok = c.notReady.take(c.key(q)); !ok {
		x = found
	}
	return x, x.uuid != "" && !x.askedAt.Before(q.AskedSince)
}

// find looks a window up in what is remembered across processes; an export without a uuid is none.
func (c *Client) find(ctx context.Context, q *Query) export {
	if !c.stores(q) {
		return export{}
	}
	key := c.key(q)
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	request, err := c.cfg.Requests.Find(ctx, key)
	asked, rest, _ := strings.Cut(request, " ")
	uuid, path, _ := strings.Cut(rest, " ")
	path = cmp.Or(path, endpoints[q.Feed][0])
	at, errTime := time.Parse(time.RFC3339Nano, asked)
	if err != nil || errTime != nil || !isRequest(uuid) || !slices.Contains(endpoints[q.Feed], path) {
		return export{}
	}
	local := time.Now()
	now, _ := c.clock.vendorTime(local)
	return export{feed: q.Feed, path: path, uuid: uuid, askedAt: at.UTC(), askedLocal: local.Add(at.Sub(now)), key: key, stored: true}
}

// Unfinished returns the windows of a feed whose exports an earlier process has submitted and not read to their end, in no
// order. Whoever asks for exactly such a window in the background adopts its export.
func (c *Client) Unfinished(ctx context.Context, feed Feed) ([]Query, error) {
	if c.cfg.Requests == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, keepTime)
	defer cancel()
	keys, err := c.cfg.Requests.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var unfinished []Query
	for _, key := range keys {
		parts := strings.Split(key, ".")
		if len(parts) != 5 { // fractions of a second have dots of their own; no plan asks for them
			continue
		}
		from, errFrom := time.Parse(keyLayout, parts[3])
		until, errUntil := time.Parse(keyLayout, parts[4])
		q := Query{Feed: feed, From: from, Until: until, Background: true}
		if errFrom != nil || errUntil != nil || c.key(&q) != key {
			continue
		}
		if c.find(ctx, &q).uuid != "" { // a key that was dropped may still be listed
			unfinished = append(unfinished, q)
		}
	}
	return unfinished, nil
}

// keyLayout is how times stand in a key.
const keyLayout = "20060102T150405.999999999"

// stores reports whether what is asked for a query is remembered across processes. A live poll is not: its window ends now, so
// no other process will ask for it again; nor is a snapshot, which is older with every look.
func (c *Client) stores(q *Query) bool {
	return c.cfg.Requests != nil && q.Background && !isSnapshot(q.Feed)
}

// key names the window of a feed at this vendor, for this user or API key.
func (c *Client) key(q *Query) string {
	who := sha256.Sum256([]byte(c.base + "\n" + cmp.Or(c.cfg.APIKey.Reveal(), c.cfg.Username)))
	return fmt.Sprintf("%s.%s.%s.%s.%s", hex.EncodeToString(who[:4]), q.Feed, c.cfg.Format,
		q.From.UTC().Format(keyLayout), q.Until.UTC().Format(keyLayout))
}
