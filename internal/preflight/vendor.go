package preflight

import (
	"context"
	"net/http"
	"strings"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// vendorChecks are the checks up to the vendor.
func vendorChecks(s config.Pipeline) []check {
	list := []check{{name: "settings", run: checkSettings}}
	if s.Proxied {
		list = append(list, check{name: "proxy", run: checkProxy})
	}
	list = append(list, check{name: "vendor login", run: checkLogin})
	for _, feed := range s.Feeds {
		list = append(list, check{"feed " + feed, (*checkup).loggedIn, checkFeed(schema.Feed(feed))})
	}
	return append(list, check{"clock", (*checkup).loggedIn, checkClock})
}

func checkProxy(_ context.Context, c *checkup) Finding {
	proxy, err := vendorProxy(c.settings.SaverisURL)
	switch {
	case err != nil:
		return failing(err, "check HTTPS_PROXY and HTTP_PROXY")
	case proxy == "":
		return note("the vendor is asked directly, as NO_PROXY says")
	}
	return note("the vendor is asked through %s", proxy)
}

func checkLogin(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	client, err := saveris.New(pipeline.VendorConfig(c.settings.Vendor, c.settings.WindowRows))
	if err == nil {
		err = client.Login(ctx)
	}
	if err != nil {
		return c.vendorFailing(err)
	}
	c.vendor = client
	if text, advice := announcedEnd(client, func(string) bool { return true }); text != "" {
		return warning(advice, "accepted by %s; %s", config.MaskURL(c.settings.SaverisURL), text)
	}
	return fine("accepted by %s", config.MaskURL(c.settings.SaverisURL))
}

func (c *checkup) vendorFailing(err error) Finding {
	err = pipeline.WithLogin(c.settings.Vendor, err)
	return failing(err, adviceOf(err))
}

// feedPatience is how long an export may take until a check gives it up.
const feedPatience = 3 * time.Minute

// noteAfter is how long a feed may take until OnWait is called.
const noteAfter = 2 * time.Second

// checkFeed reads a little of a feed.
func checkFeed(feed schema.Feed) func(context.Context, *checkup) Finding {
	return func(ctx context.Context, c *checkup) Finding {
		ctx, cancel := context.WithTimeout(ctx, feedPatience+checkTimeout)
		defer cancel()
		if c.onWait != nil {
			waiting := time.AfterFunc(noteAfter, func() { c.onWait(feed, feedPatience) })
			defer waiting.Stop()
		}
		began := time.Now()
		answer, err := pipeline.ReadALittle(ctx, c.settings.Vendor, c.vendor, feed, feedPatience)
		if err != nil {
			return c.vendorFailing(err)
		}
		c.answered++
		if text, advice := endingOf(c.vendor, feed); text != "" {
			return warning(advice, "%d rows read by %s; %s", answer.Rows, answer.Route, text)
		}
		return fine("%d rows in five minutes of an hour ago, read by %s in %v", answer.Rows, answer.Route, time.Since(began).Round(100*time.Millisecond))
	}
}

// endingOf says what a person should know of the endpoints that a feed was read from: that one is retired and replaced, or
// will end.
func endingOf(vendor *saveris.Client, feed schema.Feed) (text, advice string) {
	path, newest := vendor.Endpoint(schema.VendorFeed(feed))
	if path != newest {
		return pipeline.RetiredText(feed, newest, path), pipeline.Newer + "; until then the older version is read"
	}
	return announcedEnd(vendor, func(endpoint string) bool { return strings.HasSuffix(endpoint, "/"+string(schema.VendorFeed(feed))) })
}

// announcedEnd says of the first of some endpoints whose end the vendor has announced when that is.
func announcedEnd(vendor *saveris.Client, of func(endpoint string) bool) (text, advice string) {
	for _, end := range vendor.Announcements() {
		if of(end.Endpoint) {
			return pipeline.EndText(end), pipeline.Newer + " before that day"
		}
	}
	return "", ""
}

func checkClock(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	now, err := c.vendor.Now(ctx)
	if err != nil {
		return c.vendorFailing(err)
	}
	if trouble := c.vendor.ClockTrouble(); trouble != "" {
		return warning("keep the clock of this machine right by NTP: what is asked for, and how old rows are, goes by it", "%s, so the clock of this machine is used", trouble)
	}
	skew := time.Since(now).Round(time.Second) // up to a second of it is the vendor's rounding
	switch {
	case skew > pipeline.SkewLimit:
		return warning(pipeline.SetClock, "this machine is %v ahead of the vendor", skew)
	case skew < -pipeline.SkewLimit:
		return warning(pipeline.SetClock, "this machine is %v behind the vendor", -skew)
	}
	return fine("within %v of the vendor's", max(skew.Abs(), time.Second))
}

// vendorProxy returns the proxy that the vendor is asked through, to be shown; empty where he is asked directly.
func vendorProxy(vendor string) (string, error) {
	req, err := http.NewRequest(http.MethodGet, vendor, nil)
	if err != nil {
		return "", err
	}
	proxy, err := http.ProxyFromEnvironment(req)
	if proxy == nil || err != nil {
		return "", err
	}
	return config.MaskURL(proxy.String()), nil
}
