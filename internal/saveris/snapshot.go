package saveris

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// The feeds that are no windows but all that there is: the inventory and its status. They are read by Snapshot, the others by
// Rows.
const (
	Tenants          Feed = "tenants"
	Locations        Feed = "locations"
	Equipments       Feed = "equipments"
	DeviceProperties Feed = "devices/properties" // devices with their sensors and channels
	DeviceStatus     Feed = "devices/status"
	SensorStatus     Feed = "sensors/status"
	MeasuringObjects Feed = "measuring-objects"
)

// syncPaths are the synchronous GETs of a snapshot, the newest version first (document, 4.3), and the member of the answer that
// holds its list. Locations and measuring objects have none.
var syncPaths = map[Feed]struct {
	paths []string
	list  string
}{
	Tenants:          {[]string{"/v3/tenants-sync", "/v2/tenants-sync", "/v1/tenants"}, "tenants"},
	Locations:        {},
	Equipments:       {[]string{"/v2/equipments-sync", "/v1/equipments"}, "equipments"},
	DeviceProperties: {[]string{"/v1/devices/properties"}, "probes"},
	DeviceStatus:     {[]string{"/v2/devices/status-sync", "/v1/devices/status"}, "devices_status"},
	SensorStatus:     {[]string{"/v2/sensors/status-sync", "/v1/devices/status"}, "sensors_status"},
	MeasuringObjects: {},
}

// Snapshots returns the feeds that are read by Snapshot, in no order.
func Snapshots() []Feed { return slices.Collect(maps.Keys(syncPaths)) }

// FleetInOneCall reports whether an endpoint is one of the synchronous GETs of the fleet, each of which an export can take the place of.
func FleetInOneCall(endpoint string) bool {
	for _, sync := range syncPaths {
		if slices.Contains(sync.paths, endpoint) {
			return true
		}
	}
	return false
}

// isSnapshot reports whether a feed is read by Snapshot.
func isSnapshot(feed Feed) bool {
	_, known := syncPaths[feed]
	return known
}

// SnapshotQuery asks for all that there is of one feed.
type SnapshotQuery struct {
	Feed Feed
	// RowsExpected says that there were rows before: a synchronous answer without any is then confirmed by an export, where those
	// are allowed.
	RowsExpected bool
	// NewerThan is when was asked for what is known, by the vendor's clock: no export is adopted that was asked for before. Zero = nothing
	// is known.
	NewerThan time.Time
}

// ErrNoSync: the feed has no synchronous endpoint, and the settings allow no export.
var ErrNoSync = errors.New("there is no synchronous endpoint of it, and exports are not allowed")

// oldestSnapshot is how long ago an export that was not ready may have been asked for, to be taken for what there is now.
const oldestSnapshot = time.Hour

// Snapshot reads all rows of a feed that has no time range and hands each to each, in no order: the synchronous GETs first,
// the newest version first, then an export, as SyncMode has it. Rows of the synchronous route hold objects within objects, see
// Elements; those of an export are flat. Answer.Endpoint tells which it was. An endpoint that is not there, refuses, is too
// small for the answer (413) or past its announced end is passed over for an hour. The export waits behind live windows. Otherwise
// it is one attempt, as Rows is, with the same errors, and ErrNoSync.
func (c *Client) Snapshot(ctx context.Context, q SnapshotQuery, each func(*Row) error) (Answer, error) {
	if !isSnapshot(q.Feed) {
		return Answer{}, fmt.Errorf("read %s: it is no snapshot", q.Feed)
	}
	if _, err := c.Now(ctx); err != nil {
		return Answer{}, err
	}
	ans, err := c.snapshot(ctx, q, each)
	var mine callerError
	if errors.As(err, &mine) {
		return Answer{}, mine.error
	}
	return ans, err
}

func (c *Client) snapshot(ctx context.Context, q SnapshotQuery, each func(*Row) error) (Answer, error) {
	if c.cfg.Sync != SyncNever {
		ans, answered, err := c.syncSnapshot(ctx, q.Feed, each)
		switch {
		case answered && (c.cfg.Sync == SyncAlways || err != nil || ans.Rows > 0 || !q.RowsExpected):
			return ans, err
		case c.cfg.Sync == SyncAlways:
			return Answer{}, fmt.Errorf("read %s: %w", q.Feed, ErrNoSync)
		}
	}
	now, _ := c.clock.vendorTime(time.Now())
	since := now.Add(-oldestSnapshot)
	if q.NewerThan.After(since) {
		since = q.NewerThan
	}
	r, err := c.prepareExport(ctx, &Query{Feed: q.Feed, Background: true, AskedSince: since})
	if err != nil {
		return Answer{}, err
	}
	defer r.Close()
	n, err := r.readFiles(ctx, each)
	return r.answer(n), err
}

// syncSnapshot asks the synchronous endpoints one after the other; answered is false where an export may do what none of them
// did.
func (c *Client) syncSnapshot(ctx context.Context, feed Feed, each func(*Row) error) (_ Answer, answered bool, err error) {
	for _, path := range syncPaths[feed].paths {
		if c.cfg.Sync == SyncAuto && c.passedOver(path) {
			continue
		}
		ans, failed := c.get(ctx, feed, path, each)
		if failed == nil || !c.anotherMay(path, failed) {
			return ans, true, failed
		}
		if !errors.Is(err, ErrRefused) { // that an older version is gone says less
			err = failed
		}
	}
	return Answer{}, err != nil && c.cfg.Sync == SyncAlways, err
}

// get reads a snapshot in one GET. No row is handed over before the whole answer is there and understood.
func (c *Client) get(ctx context.Context, feed Feed, path string, each func(*Row) error) (Answer, error) {
	op := "read " + string(feed)
	ans, err := c.call(ctx, call{op: op, method: http.MethodGet, path: path, trial: !c.offered(path) && c.cfg.Sync != SyncAlways})
	if err != nil {
		return Answer{}, tooLarge(err)
	}
	text, err := readWhole(ans.Response)
	if errors.Is(err, errWhole) {
		return Answer{}, &Error{Op: op, Status: http.StatusOK, Text: err.Error(), Err: ErrTooLarge}
	}
	if err != nil {
		return Answer{}, c.readError(ctx, op, err)
	}
	list, err := listIn(text, syncPaths[feed].list)
	if err != nil {
		return Answer{}, c.readError(ctx, op, err)
	}
	asked, _ := c.clock.vendorTime(ans.sent)
	n, err := elementsIn(list, func(row *Row) error {
		if err := each(row); err != nil {
			return callerError{err}
		}
		return nil
	})
	if err != nil {
		return Answer{}, c.readError(ctx, op, err)
	}
	c.absent.Store(path, time.Time{})
	return Answer{AskedAt: asked, Route: RouteSync, Endpoint: path, Rows: n}, nil
}

// offered reports whether a synchronous endpoint has answered.
func (c *Client) offered(path string) bool {
	since, known := c.absent.Load(path)
	return known && since.(time.Time).IsZero()
}

// passedOver reports whether a synchronous endpoint is not worth a request: its announced end has passed, or it was of no use
// within the hour.
func (c *Client) passedOver(path string) bool {
	now, _ := c.clock.vendorTime(time.Now())
	if end := c.announced.sunset(path); !end.IsZero() && now.After(end) {
		return true
	}
	since, known := c.absent.Load(path)
	return known && !since.(time.Time).IsZero() && time.Since(since.(time.Time)) < lookUp
}

// anotherMay reports whether another version or an export may do what this endpoint did not, and remembers where it is the
// endpoint that does not.
func (c *Client) anotherMay(path string, err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case errors.Is(err, ErrUntrusted), e.Status == 0 && !errors.Is(err, ErrNotUnderstood):
		return false // it is the network: an export would fare no better
	case e.Status == http.StatusUnauthorized, e.Status >= 500, e.Kind == "WAF_FILTERED", e.Status == http.StatusRequestTimeout:
		return true
	}
	c.absent.Store(path, time.Now())
	return true
}
