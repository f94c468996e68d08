package saveris

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// NoticeKind says what a Notice is about.
type NoticeKind string

// The kinds of notices.
const (
	Announced NoticeKind = "announced"   // the vendor announces the end of Endpoint
	Replaced  NoticeKind = "replaced"    // Endpoint is gone, and Feed is read by Instead
	ClockLost NoticeKind = "clock lost"  // the vendor's answers have no Date to go by, and the local clock is used
	ClockBack NoticeKind = "clock found" // they have one again
)

// Notice is what the client has found out about the vendor that a person should know.
type Notice struct {
	Kind     NoticeKind
	Feed     Feed         // of Replaced
	Endpoint string       // path, as in /v2/measurements
	Instead  string       // path of Replaced
	End      Announcement // of Announced
	Text     string       // of ClockLost: what is wrong with the Date
}

// Announcement is what the vendor says in the headers Deprecation and Sunset about the end of an endpoint.
type Announcement struct {
	Endpoint   string
	Deprecated time.Time // from when on; zero where there is no date
	Sunset     time.Time // when it may stop to answer; zero where there is no date
}

// announcements are those that the vendor has made. Many goroutines may use them.
type announcements struct {
	mu sync.Mutex
	of map[string]Announcement
}

// notice hands a notice on.
func (c *Client) notice(n Notice) {
	if c.cfg.OnNotice != nil {
		c.cfg.OnNotice(n)
	}
}

// learn reads what an answer of an endpoint says beside its body.
func (c *Client) learn(endpoint string, h http.Header) {
	if c.clock.learn(h) {
		if why := c.clock.trouble(); why != "" {
			c.notice(Notice{Kind: ClockLost, Text: why})
		} else {
			c.notice(Notice{Kind: ClockBack})
		}
	}
	if end, news := c.announced.learn(endpoint, h); news {
		c.notice(Notice{Kind: Announced, Endpoint: endpoint, End: end})
	}
}

// learn reads the headers of an answer and reports whether they say something new about the endpoint.
func (a *announcements) learn(endpoint string, h http.Header) (Announcement, bool) {
	deprecation, sunset := h.Get("Deprecation"), h.Get("Sunset")
	if deprecation == "" && sunset == "" || strings.EqualFold(strings.TrimSpace(deprecation), "false") && sunset == "" {
		return Announcement{}, false
	}
	now := Announcement{Endpoint: endpoint, Deprecated: lenientDate(deprecation), Sunset: lenientDate(sunset)}
	a.mu.Lock()
	defer a.mu.Unlock()
	before, known := a.of[endpoint]
	if now.Sunset.IsZero() { // an answer of another part of the vendor's may have only one of the two
		now.Sunset = before.Sunset
	}
	if now.Deprecated.IsZero() {
		now.Deprecated = before.Deprecated
	}
	if known && before == now {
		return now, false
	}
	if a.of == nil {
		a.of = map[string]Announcement{}
	}
	a.of[endpoint] = now
	return now, true
}

// sunset is when an endpoint may stop to answer, by what was announced; zero where nothing was.
func (a *announcements) sunset(endpoint string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of[endpoint].Sunset
}

// Announcements returns what the vendor has announced so far about the ends of his endpoints, by path.
func (c *Client) Announcements() []Announcement {
	c.announced.mu.Lock()
	defer c.announced.mu.Unlock()
	var list []Announcement
	for _, a := range c.announced.of {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Announcement) int { return strings.Compare(a.Endpoint, b.Endpoint) })
	return list
}

// lenientDate reads a moment as the headers have it: @ and seconds (RFC 9745), a date of HTTP's (RFC 8594, and earlier
// drafts of the other), or of ISO 8601. What is none, true for instance, is the zero time.
func lenientDate(text string) time.Time {
	text = strings.Trim(text, " \t\"")
	if digits, ok := strings.CutPrefix(text, "@"); ok {
		if seconds, err := strconv.ParseInt(digits, 10, 64); err == nil && seconds > 0 && seconds < 1e11 {
			return time.Unix(seconds, 0).UTC()
		}
		return time.Time{}
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.UTC()
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly, time.RFC1123Z} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
