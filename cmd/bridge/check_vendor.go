package main

import (
	"context"
	"net"
	"net/url"
	"time"

	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// vendorConfig is how the settings reach the vendor.
func vendorConfig(s settings) saveris.Config {
	return saveris.Config{
		BaseURL:  s.SaverisURL,
		Username: s.SaverisUsername,
		Password: s.SaverisPassword,
		APIKey:   s.SaverisAPIKey,
		Sync:     saveris.SyncMode(s.SaverisSync),
		Exports:  s.SaverisExports,
	}
}

// vendorChecks are the checks up to the vendor.
func vendorChecks(s settings) []check {
	list := []check{{name: "settings", run: checkSettings}, {name: "vendor login", run: checkLogin}}
	for _, feed := range s.Feeds {
		list = append(list, check{"feed " + feed, (*checkup).loggedIn, checkFeed(schema.Feed(feed))})
	}
	return append(list, check{"clock", (*checkup).loggedIn, checkClock})
}

func checkLogin(ctx context.Context, c *checkup) finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	client, err := saveris.New(vendorConfig(c.settings))
	if err == nil {
		err = client.Login(ctx)
	}
	if err != nil {
		return failing(err, vendorHint(err))
	}
	c.vendor = client
	return fine("accepted by %s", c.settings.SaverisURL)
}

// feedPatience is how long an export may take until a check gives it up.
const feedPatience = 3 * time.Minute

// checkFeed reads five minutes of an hour ago and throws them away: the smallest window that the vendor wants.
func checkFeed(feed schema.Feed) func(context.Context, *checkup) finding {
	return func(ctx context.Context, c *checkup) finding {
		ctx, cancel := context.WithTimeout(ctx, feedPatience+checkTimeout)
		defer cancel()
		now, err := c.vendor.Now(ctx)
		if err != nil {
			return failing(err, vendorHint(err))
		}
		from := now.Add(-time.Hour).Truncate(time.Second)
		began := time.Now()
		answer, err := c.vendor.Rows(ctx, saveris.Query{
			Feed: poller.VendorFeed(feed), From: from, Until: from.Add(5 * time.Minute), Deadline: feedPatience,
		}, func(*saveris.Row) error { return nil })
		if err != nil {
			return failing(err, vendorHint(err))
		}
		return fine("%d rows in five minutes of an hour ago, read by %s in %v", answer.Rows, answer.Route, time.Since(began).Round(100*time.Millisecond))
	}
}

// skewLimit is the difference of clocks from which on ages and lanes would be told wrong.
const skewLimit = 30 * time.Second

func checkClock(ctx context.Context, c *checkup) finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	now, err := c.vendor.Now(ctx)
	if err != nil {
		return failing(err, vendorHint(err))
	}
	skew := time.Since(now).Round(time.Second) // up to a second of it is the vendor's rounding
	switch {
	case skew > skewLimit:
		return warning("set the clock of this machine by NTP", "this machine is %v ahead of the vendor", skew)
	case skew < -skewLimit:
		return warning("set the clock of this machine by NTP", "this machine is %v behind the vendor", -skew)
	}
	return fine("within %v of the vendor's", max(skew.Abs(), time.Second))
}

// loopback tells whether a URL leads to this machine.
func loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip.IsLoopback()
}
