// Package notebook has what a process finds out about the vendor and the views said: once in the log, and for bridge status to find.
package notebook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// Notes takes over what the client and the feeds find out about the vendor: the log has it once, and bridge status
// finds it beside the running exports. Any goroutine may call its methods.
type Notes struct {
	Store saveris.Requests // nil = bridge status does not find it; set before the notes are used

	settings config.Vendor
	feeds    []schema.Feed
	log      *slog.Logger

	mu        sync.Mutex
	notes     map[string]status.Note  // by key, as they should be stored
	unwritten map[string]bool         // keys whose note is not stored yet, or not removed
	shut      map[schema.Feed]error   // feeds that the vendor does not give
	older     map[saveris.Feed]string // what is said of what the client reads by an older version, which it says once
	fleet     []saveris.Announcement  // of the ends of its synchronous endpoints
	clock     bool                    // the log has it that his is lost
	news      chan struct{}
	refused   chan error
}

// New makes the notes of a process that runs so many feeds.
func New(s config.Vendor, feeds []schema.Feed, log *slog.Logger) *Notes {
	return &Notes{
		settings: s, feeds: feeds, log: log, notes: map[string]status.Note{}, unwritten: map[string]bool{}, shut: map[schema.Feed]error{}, older: map[saveris.Feed]string{},
		news: make(chan struct{}, 1), refused: make(chan error, 1),
	}
}

// Newer is the hint where only another release of the bridge helps.
const Newer = "look for a newer release of the bridge"

// Noticed takes over what the client notices.
func (v *Notes) Noticed(n saveris.Notice) {
	switch n.Kind {
	case saveris.Announced:
		v.announced(n)
	case saveris.Replaced:
		v.replaced(n)
	case saveris.ClockLost:
		v.clockLost(n.Text)
	case saveris.ClockBack:
		v.log.Info("the vendor's answers have a Date again, which is used")
		v.drop(clockKey)
	}
}

func (v *Notes) announced(n saveris.Notice) {
	if saveris.FleetInOneCall(n.Endpoint) && v.settings.SaverisSync != string(saveris.SyncAlways) {
		v.fleetEnds(n.End)
		return
	}
	note := status.Note{Text: EndText(n.End), Endpoint: n.Endpoint}
	if !n.End.Sunset.IsZero() {
		note.Sunset = &n.End.Sunset
	}
	v.log.Warn("the vendor announces the end of an endpoint", "endpoint", n.Endpoint, "sunset", dateOrNone(n.End.Sunset),
		"deprecated", dateOrNone(n.End.Deprecated), "hint", Newer+" before that day")
	v.put("end."+strings.ReplaceAll(strings.Trim(n.Endpoint, "/"), "/", "-"), note)
}

// fleetEnds has one note of all endpoints of the fleet that will end: exports take their place, and nobody has to do anything. The log
// has each date once.
func (v *Notes) fleetEnds(end saveris.Announcement) {
	v.mu.Lock()
	said := slices.ContainsFunc(v.fleet, func(a saveris.Announcement) bool { return a.Sunset.Equal(end.Sunset) })
	v.fleet = append(slices.DeleteFunc(v.fleet, func(a saveris.Announcement) bool { return a.Endpoint == end.Endpoint }), end)
	text := FleetEndText(v.fleet)
	v.mu.Unlock()
	if !said {
		v.log.Info("the vendor announces the end of endpoints of the fleet, exports take their place then", "sunset", dateOrNone(end.Sunset))
	}
	v.put("end.fleet", status.Note{Text: text})
}

// clockLost has the log say it once: what comes and goes would fill it.
func (v *Notes) clockLost(why string) {
	v.mu.Lock()
	level := slog.LevelWarn
	if v.clock {
		level = slog.LevelDebug
	}
	v.clock = true
	v.mu.Unlock()
	v.log.Log(context.Background(), level, "the clock of this machine is used: "+why, "hint", "keep it right by NTP")
	v.put(clockKey, status.Note{Text: why + ", so the clock of the bridge's machine is used"})
}

// FeedShut takes over that the vendor does not give a feed, or gives it again where err is nil. When he refuses all of them
// there is nothing left to do.
func (v *Notes) FeedShut(feed schema.Feed, err error) {
	key := "shut." + string(feed)
	if err == nil {
		v.log.Info("the vendor serves this feed again", "feed", feed)
		v.drop(key)
		v.mu.Lock()
		delete(v.shut, feed)
		v.mu.Unlock()
		return
	}
	_, advice := hint.Of(pipeline.WithLogin(v.settings, err))
	what, often := "is refused", "every hour"
	if errors.Is(err, saveris.ErrRetired) {
		what, often = "is retired by the vendor", "every ten minutes"
	}
	v.log.Error("this feed "+what+", any other goes on", "feed", feed, "asked_again", often, "err", err, "hint", advice)
	v.put(key, status.Note{Level: status.Bad, Feed: feed, Text: fmt.Sprintf("the vendor does not give %s, asked again %s: %s", feed, often, printable.Public(err))})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut[feed] = err
	for _, name := range v.feeds {
		if !errors.Is(v.shut[name], saveris.ErrRefused) {
			return
		}
	}
	select {
	case v.refused <- err:
	default:
	}
}

// throttledKey is of the note that the vendor throttles, and throttledSteps is what two of its moments differ by at least: each
// answer of his that says so names another one.
const (
	throttledKey   = "throttled"
	throttledSteps = 5 * time.Second
)

// lookKey is of the note that some of the fleet cannot be read.
const lookKey = "fleet"

// Looked takes over why the fleet, or some of it, cannot be read; nil where all of it can be.
func (v *Notes) Looked(err error) {
	text := ""
	if err != nil {
		text = "the fleet cannot be read as a whole: " + printable.Public(err)
	}
	switch was := v.text(lookKey); {
	case text == was:
	case text == "":
		v.drop(lookKey)
	default:
		v.put(lookKey, status.Note{Level: status.Look, Feed: schema.Devices, Text: text})
	}
}

// Throttled takes over until when the vendor wants to be left alone, by our clock.
func (v *Notes) Throttled(until time.Time) {
	until = until.UTC().Truncate(time.Second)
	v.mu.Lock()
	known := v.notes[throttledKey].Until
	v.mu.Unlock()
	if known == nil || until.Sub(*known) >= throttledSteps {
		v.put(throttledKey, status.Note{Text: status.Throttled(until, time.Now()), Until: &until})
	}
}

// OnStep takes over why the newest window of a feed cannot be read, where that lies in what the vendor sends: the feed stands
// still until a person has looked. An outage ends by itself and is no note.
func (v *Notes) OnStep(feed schema.Feed, s poller.Step) {
	if v == nil || s.Line != poller.TailLine || !errors.Is(s.Err, saveris.ErrNotUnderstood) && !errors.Is(s.Err, poller.ErrRejected) {
		return
	}
	err := s.Err
	if vendor := (*saveris.Error)(nil); errors.As(err, &vendor) {
		err = vendor // without the window, which is another one at each try
	}
	text := fmt.Sprintf("%s cannot be read: %s", feed, printable.Public(err))
	if key := unreadKey(feed); v.text(key) != text {
		v.put(key, status.Note{Level: status.Bad, Feed: feed, Text: text})
	}
}

// OnStored takes over that a poll of a feed was stored.
func (v *Notes) OnStored(feed schema.Feed, s poller.StoredWindow) {
	if v != nil && s.Reason == poller.ReasonTail && v.text(unreadKey(feed)) != "" {
		v.drop(unreadKey(feed))
	}
}

func unreadKey(feed schema.Feed) string { return "unread." + string(feed) }

func unshownKey(feed schema.Feed) string { return "unshown." + string(feed) }

// ViewWritable takes over that the checkpoints of a feed cannot be shown, or can be again where err is nil.
func (v *Notes) ViewWritable(feed schema.Feed, bucket string, err error) {
	switch {
	case v == nil:
	case err == nil:
		v.drop(unshownKey(feed))
	default:
		text := string(feed) + " are not shown as they are: " + printable.Public(err) + "; " + pipeline.BucketHint(err, bucket)
		v.put(unshownKey(feed), status.Note{Own: true, Level: status.Bad, Feed: feed, Text: text})
	}
}

func unfoldedKey(feed schema.Feed) string { return "unfolded." + string(feed) }

// FoldWritable takes over that what the events of a feed come to cannot be shown, or can be again where err is nil. All else that is shown of
// the feed is as it is.
func (v *Notes) FoldWritable(feed schema.Feed, what, bucket string, err error) {
	switch {
	case v == nil:
	case err == nil:
		v.drop(unfoldedKey(feed))
	default:
		text := what + " are not shown as they are in " + bucket + ": " + printable.Public(err) + "; " + pipeline.BucketHint(err, bucket)
		v.put(unfoldedKey(feed), status.Note{Own: true, Level: status.Look, Text: text})
	}
}

// unjudgedKey is of the note that it is not known which channels are silent.
const unjudgedKey = "unjudged"

// Judged takes over that it cannot be judged which channels are silent, or can be again where err is nil.
func (v *Notes) Judged(err error) {
	if err == nil {
		v.drop(unjudgedKey)
		return
	}
	v.put(unjudgedKey, status.Note{Own: true, Level: status.Look, Text: "which channels are silent is not known: " + printable.Public(err)})
}

// text is that of a note of this process, empty where there is none.
func (v *Notes) text(key string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.notes[key].Text
}

// IsShut reports whether the vendor does not give a feed.
func (v *Notes) IsShut(feed schema.Feed) bool {
	if v == nil {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.shut[feed] != nil
}

// Unleased takes over why this bridge polls a feed without a lease; nil where it does not.
func (v *Notes) Unleased(feed schema.Feed, err error) {
	key := "unleased." + string(feed)
	if err == nil {
		v.drop(key)
		return
	}
	v.put(key, status.Note{Own: true, Unleased: true, Text: fmt.Sprintf("%s are polled without a lease: %s", feed, printable.Public(err))})
}

// Begin forgets what a bridge before this one has found out about a feed.
func (v *Notes) Begin(feed schema.Feed) {
	v.mu.Lock()
	delete(v.shut, feed)
	v.mu.Unlock()
	for _, key := range keysOf(feed) {
		v.drop(key)
	}
	v.repeatOlder(feed)
}

// End forgets what this bridge has found out about a feed that it leads no more. What is stored of it belongs to whoever leads next.
func (v *Notes) End(feed schema.Feed) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.shut, feed)
	for _, key := range keysOf(feed) {
		delete(v.notes, key)
		delete(v.unwritten, key)
	}
}

// keysOf are the keys of what the leader of a feed finds out about it.
func keysOf(feed schema.Feed) []string {
	keys := []string{"shut." + string(feed), unreadKey(feed), unshownKey(feed), unfoldedKey(feed)}
	for _, part := range partsOf(feed) {
		keys = append(keys, versionKey(part))
	}
	switch feed {
	case schema.Devices:
		keys = append(keys, lookKey)
	case schema.Readings:
		keys = append(keys, unjudgedKey)
	}
	return keys
}

// Texts are all notes of this process.
func (v *Notes) Texts() (list []string) {
	if v == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, n := range v.notes {
		if n.Until != nil { // who asks knows it himself
			continue
		}
		list = append(list, n.Text)
	}
	slices.Sort(list)
	return list
}
