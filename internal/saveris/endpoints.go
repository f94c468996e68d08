package saveris

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// endpoints are where a feed's exports are submitted and polled, the newest version first: resources are numbered one by
// one (document, 4.2 and 4.4). All of them take the body that we send and answer with the same uuids; measurements v1 has
// other names for three columns and lacks channel_no and model_code (document, 9).
var endpoints = map[Feed][]string{
	Measurements: {"/v2/measurements", "/v1/measurements"},
	Alarms:       {"/v3/alarms", "/v2/alarms", "/v1/alarms"},
	Tasks:        {"/v3/tasks", "/v2/tasks", "/v1/tasks"},

	Tenants:          {"/v3/tenants", "/v2/tenants"},
	Locations:        {"/v1/locations"},
	Equipments:       {"/v4/equipments", "/v3/equipments", "/v2/equipments"},
	DeviceProperties: {"/v3/devices/properties", "/v2/devices/properties-async", "/v1/devices/properties-async"},
	DeviceStatus:     {"/v4/devices/status", "/v3/devices/status", "/v2/devices/status"},
	SensorStatus:     {"/v4/sensors/status", "/v3/sensors/status", "/v2/sensors/status"},
	MeasuringObjects: {"/v1/measuring-objects", "/v1/measuring_objects"}, // the second by an older client of Smart Connect (document, 14)
}

// lookUp is how long an older version is used until the newest one is tried again.
const lookUp = time.Hour

// versions remember which version of its endpoint each feed is read by. Many goroutines may use them.
type versions struct {
	mu sync.Mutex
	of map[Feed]version
}

type version struct {
	path  string
	tried time.Time // when a newer one was tried last
}

// current returns where a feed is exported, and whether the newest version is due to be tried again instead.
func (v *versions) current(feed Feed) (path string, lookUpNow bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, found := v.of[feed]
	newest := endpoints[feed][0]
	if !found || known.path == newest {
		return newest, false
	}
	if time.Since(known.tried) < lookUp {
		return known.path, false
	}
	v.of[feed] = version{known.path, time.Now()}
	return known.path, true
}

// use notes that a version works, and returns the one before.
func (v *versions) use(feed Feed, path string) (before string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before = endpoints[feed][0]
	if known, found := v.of[feed]; found {
		before = known.path
	}
	if v.of == nil {
		v.of = map[Feed]version{}
	}
	v.of[feed] = version{path, time.Now()}
	return before
}

// submit starts an export at the version of the endpoint that has worked last. Where that one is gone the others are tried,
// the newest first, and whichever works is used from then on; an older one only until the newest works again.
func (c *Client) submit(ctx context.Context, q *Query) (export, error) {
	current, lookUpNow := c.versions.current(q.Feed)
	if lookUpNow {
		if x, err := c.submitTo(ctx, q, endpoints[q.Feed][0], true); err == nil {
			c.replaced(q.Feed, endpoints[q.Feed][0])
			return x, nil
		}
	}
	x, err := c.submitTo(ctx, q, current, false)
	var gone *Error
	if !errors.Is(err, ErrRetired) || !errors.As(err, &gone) {
		return x, err
	}
	for _, path := range endpoints[q.Feed] {
		if path == current {
			continue
		}
		x, err := c.submitTo(ctx, q, path, true)
		if err == nil {
			c.replaced(q.Feed, path)
		}
		if !unusable(err) {
			return x, err
		}
	}
	gone.Kind = "" // the gateway's word for a path that it does not know says nothing to a person
	if gone.Text = strings.Join(endpoints[q.Feed], " and ") + " are gone"; len(endpoints[q.Feed]) == 1 {
		gone.Text = endpoints[q.Feed][0] + " is gone"
	}
	return export{}, gone
}

// unusable reports whether an endpoint has answered to its first request that it is not there, or not for this login.
func unusable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status >= 300 && e.Status < 500 && !e.ofTheMoment()
}

// replaced notes that a feed is read by another version of its endpoint.
func (c *Client) replaced(feed Feed, path string) {
	if before := c.versions.use(feed, path); before != path {
		c.notice(Notice{Kind: Replaced, Feed: feed, Endpoint: before, Instead: path})
	}
}

// Endpoint returns the path that a feed's exports are asked for at, and the newest one that is known. They differ where
// the vendor has retired the newest, or does not offer it here.
func (c *Client) Endpoint(feed Feed) (path, newest string) {
	c.versions.mu.Lock()
	defer c.versions.mu.Unlock()
	newest = endpoints[feed][0]
	if known, found := c.versions.of[feed]; found {
		return known.path, newest
	}
	return newest, newest
}
