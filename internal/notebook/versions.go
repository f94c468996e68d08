package notebook

import (
	"strings"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

func (v *Notes) replaced(n saveris.Notice) {
	feed := schema.FeedOf(n.Feed)
	if older(n.Instead, n.Endpoint) {
		v.log.Warn("the vendor has retired an endpoint, an older version of it is read", "feed", feed, "endpoint", n.Endpoint, "instead", n.Instead, "hint", Newer)
		v.readsOlder(n.Feed, RetiredText(feed, n.Endpoint, n.Instead))
		return
	}
	v.log.Info("a newer version of the endpoint is read again", "feed", feed, "endpoint", n.Instead)
	v.readsOlder(n.Feed, "")
}

// readsOlder takes over what is said of what is read by an older version, "" where it is not.
func (v *Notes) readsOlder(feed saveris.Feed, text string) {
	v.mu.Lock()
	v.older[feed] = text
	v.mu.Unlock()
	if text == "" {
		v.drop(versionKey(feed))
		return
	}
	v.put(versionKey(feed), status.Note{Level: status.Look, Feed: schema.FeedOf(feed), Text: text})
}

// partsOf are what is read of the vendor's for a feed.
func partsOf(feed schema.Feed) []saveris.Feed {
	if feed != schema.Devices {
		return []saveris.Feed{schema.VendorFeed(feed)}
	}
	return saveris.Snapshots()
}

// repeatOlder says again what of a feed is read by an older version: the client says it once, and this bridge may not have led the
// feed since.
func (v *Notes) repeatOlder(feed schema.Feed) {
	for _, part := range partsOf(feed) {
		v.mu.Lock()
		text := v.older[part]
		v.mu.Unlock()
		if text != "" {
			v.readsOlder(part, text)
		}
	}
}

func versionKey(feed saveris.Feed) string {
	return "version." + strings.ReplaceAll(string(feed), "/", "-")
}
