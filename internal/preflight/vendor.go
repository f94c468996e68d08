package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/notebook"
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
	if slices.Contains(s.Feeds, string(schema.Tasks)) {
		list = append(list, check{name: "task users", run: showTaskUsers})
	}
	list = append(list, check{name: "vendor login", run: checkLogin})
	for _, feed := range s.Feeds {
		list = append(list, check{"feed " + feed, (*checkup).loggedIn, checkFeed(schema.Feed(feed))})
	}
	if s.Devices {
		list = append(list, check{"feed devices", (*checkup).loggedIn, checkFleet})
	}
	return append(list, check{"clock", (*checkup).loggedIn, checkClock})
}

// showTaskUsers shows whether this process would store who executed a task.
func showTaskUsers(_ context.Context, c *checkup) Finding {
	if c.settings.TaskUsers == config.DropUsers {
		return info("left out of tasks by this process (BRIDGE_TASK_USERS=%s); others that store need it too, above all bridge backfill", config.DropUsers)
	}
	return info("stored with tasks, which is personal data; BRIDGE_TASK_USERS=%s leaves them out", config.DropUsers)
}

func checkProxy(_ context.Context, c *checkup) Finding {
	proxy, err := vendorProxy(c.settings.SaverisURL)
	switch {
	case err != nil:
		return fail(err, "check HTTPS_PROXY and HTTP_PROXY")
	case proxy == "":
		return info("the vendor is asked directly, as NO_PROXY says")
	}
	return info("the vendor is asked through %s", proxy)
}

func checkLogin(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client, _, err := pipeline.AskTime(ctx, pipeline.VendorConfig(c.settings.Vendor, c.settings.WindowRows))
	if err != nil {
		return c.vendorFailing(err)
	}
	c.vendor = client
	if text, advice := announcedEnd(client, func(string) bool { return true }); text != "" {
		return warn(advice, "accepted by %s; %s", config.MaskURL(c.settings.SaverisURL), text)
	}
	return ok("accepted by %s", config.MaskURL(c.settings.SaverisURL))
}

func (c *checkup) vendorFailing(err error) Finding {
	err = pipeline.WithLogin(c.settings.Vendor, err)
	return fail(err, adviceOf(err))
}

// feedFailing is vendorFailing for a feed. Where the account has no licence for it, but for others, the feed can be left out.
func (c *checkup) feedFailing(feed schema.Feed, err error) Finding {
	f := c.vendorFailing(err)
	leave := fmt.Sprintf("leave %s out of BRIDGE_FEEDS; run goes on with the other feeds, and asks every hour", feed)
	switch {
	case !errors.Is(err, saveris.ErrForbidden):
	case c.answered > 0:
		f.Hint = "without the licence, " + leave
	case len(pipeline.AllFeeds(c.settings.Streams)) > 1: // the others are looked at later
		f.Hint += "; if another feed is well, " + leave
	}
	return f
}

// feedPatience is how long an export may take until a check gives it up.
const feedPatience = 3 * time.Minute

// noteAfter is how long a feed may take until OnWait is called.
const noteAfter = 2 * time.Second

// checkFeed reads a little of a feed.
func checkFeed(feed schema.Feed) func(context.Context, *checkup) Finding {
	return func(ctx context.Context, c *checkup) Finding {
		ctx, cancel := context.WithTimeout(ctx, feedPatience+answerTimeout)
		defer cancel()
		if c.onWait != nil {
			waiting := time.AfterFunc(noteAfter, func() { c.onWait(feed, feedPatience) })
			defer waiting.Stop()
		}
		began := time.Now()
		answer, err := pipeline.ReadALittle(ctx, c.settings.Vendor, c.vendor, feed, feedPatience)
		if err != nil {
			return c.feedFailing(feed, err)
		}
		c.answered++
		if text, advice := endingOf(c.vendor, feed); text != "" {
			return warn(advice, "%d rows read by %s; %s", answer.Rows, answer.Route, text)
		}
		return ok("%d rows in five minutes of an hour ago, read by %s in %v", answer.Rows, answer.Route, time.Since(began).Round(100*time.Millisecond))
	}
}

// endingOf says what a person should know of the endpoints that a feed was read from: that one is retired and replaced, or
// will end.
func endingOf(vendor *saveris.Client, feed schema.Feed) (text, advice string) {
	path, newest := vendor.Endpoint(schema.VendorFeed(feed))
	if path != newest {
		return notebook.RetiredText(feed, newest, path), notebook.Newer + "; until then the older version is read"
	}
	return announcedEnd(vendor, func(endpoint string) bool { return strings.HasSuffix(endpoint, "/"+string(schema.VendorFeed(feed))) })
}

// announcedEnd says of the first of some endpoints whose end the vendor has announced when that is.
func announcedEnd(vendor *saveris.Client, of func(endpoint string) bool) (text, advice string) {
	for _, end := range vendor.Announcements() {
		if of(end.Endpoint) {
			return notebook.EndText(end), notebook.Newer + " before that day"
		}
	}
	return "", ""
}

func checkClock(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if _, err := c.vendor.Now(ctx); err != nil {
		return c.vendorFailing(err)
	}
	ahead, known := pipeline.ClockAhead(c.vendor)
	switch {
	case !known:
		return warn("keep the clock of this machine right by NTP: what is asked for, and how old rows are, goes by it", "%s, so the clock of this machine is used", c.vendor.ClockTrouble())
	case ahead > notebook.SkewLimit:
		return warn(notebook.SetClock, "this machine is %v ahead of the vendor", ahead)
	case ahead < -notebook.SkewLimit:
		return warn(notebook.SetClock, "this machine is %v behind the vendor", -ahead)
	}
	return ok("within %v of the vendor's", max(ahead.Abs(), time.Second))
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
