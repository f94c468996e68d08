package silence

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// Line judges after each poll of the readings which channels are silent, and stores each silence and its end once. Run is for one
// goroutine; Polled and Open may be called by any.
type Line struct {
	Rule     Rule // more than 0
	Channels func() []fleet.Channel
	Readings Readings
	Prefix   string        // of the subjects of readings
	LiveAge  time.Duration // see BRIDGE_LIVE_AGE
	Silences *publish.Silences
	Now      func(ctx context.Context) (time.Time, error) // the vendor's clock
	// Covered returns what of a span has been read, and since when anybody answers for it.
	Covered func(ctx context.Context, span checkpoint.Span) (covered []checkpoint.Interval, since time.Time, err error)
	Log     *slog.Logger
	// OnJudged is called with the reason when the channels could not be judged for a minute, and with nil when they are again; nil = nobody
	// is told.
	OnJudged func(err error)

	ears   ears
	met    map[key]time.Time               // when each channel came; zero where it was there from the beginning. nil: there was no beginning
	known  map[string]schema.StoredSilence // newest event by subject; nil where the stream has to be read
	open   map[key]string                  // subjects of channels that are silent
	polled chan struct{}
	count  atomic.Int64 // of channels that are silent, and one; 0 where that is not known
	fails  time.Time    // since when they cannot be judged; zero where they can
	told   bool         // OnJudged was called with the reason
}

// How long the line waits after a failure, and how far back it looks for gaps.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
	farthest   = 7 * 24 * time.Hour
	unjudged   = time.Minute // that a failure may take to pass
)

// Init makes the line ready for Polled; it is called once, before anything else.
func (l *Line) Init() { l.polled = make(chan struct{}, 1) }

// Polled says that a poll has been stored. It does not wait.
func (l *Line) Polled() {
	select {
	case l.polled <- struct{}{}:
	default: // it has not been judged since the one before
	}
}

// Open returns how many channels are silent, those left out that are retired or inactive; known is false while nothing has been judged.
func (l *Line) Open() (n int, known bool) {
	count := l.count.Load()
	return int(max(0, count-1)), count > 0
}

// Run judges after each poll, until ctx ends, whose error it returns. What fails is tried again.
func (l *Line) Run(ctx context.Context) error {
	l.ears, l.known, l.met, l.fails, l.told = l.newEars(), nil, nil, time.Time{}, false
	defer l.count.Store(0)
	for retry := firstRetry; ; {
		select {
		case <-l.polled:
		case <-ctx.Done():
			return ctx.Err()
		}
		for retry = firstRetry; ; retry = min(2*retry, lastRetry) {
			err := l.judge(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if l.tell(err); err == nil {
				break
			}
			if level := slog.LevelWarn; !errors.Is(err, publish.ErrConflict) {
				if errors.Is(err, publish.ErrDisconnected) {
					level = slog.LevelDebug // it is in the log
				}
				l.Log.Log(ctx, level, "silent channels cannot be judged, retrying", "wait", retry, "err", err)
			}
			select {
			case <-time.After(retry):
			case <-l.polled: // what was away is back
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// tell takes over whether the channels could be judged. How many are silent is not known where they cannot be for long. A connection that
// is lost is told of already.
func (l *Line) tell(err error) {
	switch {
	case err == nil:
		if l.told && l.OnJudged != nil {
			l.OnJudged(nil)
		}
		l.fails, l.told = time.Time{}, false
	case l.fails.IsZero():
		l.fails = time.Now()
	case time.Since(l.fails) >= unjudged && !l.told && !errors.Is(err, publish.ErrDisconnected):
		l.told = true
		l.count.Store(0)
		if l.OnJudged != nil {
			l.OnJudged(err)
		}
	}
}

func (l *Line) newEars() ears {
	return ears{readings: l.Readings, subjects: l.Prefix + "." + string(schema.Readings) + ".", liveAge: l.LiveAge}
}

// judge judges all channels as of now, and stores what has changed. After an error it may be called again at any time.
func (l *Line) judge(ctx context.Context) error {
	channels := l.Channels()
	if len(channels) == 0 && l.met == nil { // the fleet is not known
		return nil
	}
	clock, err := l.Now(ctx)
	if err != nil {
		return err
	}
	channels = l.meet(channels, clock)
	if err := l.load(ctx); err != nil { // who is waited for has to be known before anybody is heard
		return err
	}
	back := max(l.Rule.lookback(channels), time.Hour)
	if err := l.ears.listen(ctx, back, clock); err != nil {
		return err
	}
	news, err := l.news(ctx, channels, back, clock)
	if err == nil {
		err = l.store(ctx, news)
	}
	l.count.Store(int64(l.counted(channels)) + 1)
	return err
}

// meet returns the channels, each once and rather where it is active, and known since it came, where it came to a device that is known
// for longer: no reading of it is due before.
func (l *Line) meet(all []fleet.Channel, clock time.Time) []fleet.Channel {
	channels, place := make([]fleet.Channel, 0, len(all)), make(map[key]int, len(all))
	for _, c := range all {
		at, twice := place[keyOf(&c)]
		switch {
		case !twice:
			place[keyOf(&c)] = len(channels)
			channels = append(channels, c)
		case channels[at].Inactive:
			channels[at] = c
		}
	}
	met := make(map[key]time.Time, len(channels))
	for i := range channels {
		c := &channels[i]
		came, known := l.met[keyOf(c)]
		if l.met != nil && !known {
			came = clock
		}
		if met[keyOf(c)] = came; c.Known.Before(came) {
			c.Known = came
		}
	}
	l.met = met
	return channels
}

// load reads which channels are silent by the stream, unless it is known.
func (l *Line) load(ctx context.Context) error {
	if l.known != nil {
		if stands, err := l.Silences.Stands(ctx); stands || err != nil {
			return err
		}
	}
	l.known, l.open = nil, map[key]string{}
	l.ears.after = map[key]time.Time{}
	l.ears.forget()
	known := map[string]schema.StoredSilence{}
	err := l.Silences.Load(ctx, func(s schema.StoredSilence) error {
		if s.Feed == "" {
			known[s.Subject(l.Prefix)] = s
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.known = known
	for subject, s := range known {
		if k := (key{s.Sensor, s.Channel}); !s.Resumed {
			l.open[k] = subject
			l.ears.await(k, s.LastAt)
		}
	}
	return nil
}

// news are the silences that have begun or ended, in the order of their subjects.
func (l *Line) news(ctx context.Context, channels []fleet.Channel, back time.Duration, clock time.Time) (news []schema.Silence, err error) {
	for k, subject := range l.open { // of one that has left the fleet, too: it was cut off, and what it had measured arrives
		if heard := l.ears.heardOf(k); len(heard) > 0 {
			news = append(news, l.resumed(subject, heard, clock))
		}
	}
	var overdue []*fleet.Channel
	from := clock
	taken := map[string]bool{} // subjects of channels that are silent and to be heard
	for i := range channels {
		if subject, open := l.open[keyOf(&channels[i])]; open && !channels[i].Inactive {
			taken[subject] = true
		}
	}
	for i := range channels {
		c := &channels[i]
		k := keyOf(c)
		last := l.ears.lastOf(k)
		if _, open := l.open[k]; !open && Overdue(l.Rule.Due(last, *c), clock) && !taken[l.subjectOf(c)] {
			overdue = append(overdue, c)
			if last.Before(from) {
				from = last
			}
		}
	}
	ended, err := l.inherited(ctx, channels, clock)
	if err != nil {
		return nil, err
	}
	news = append(news, ended...)
	if len(overdue) > 0 {
		begun, err := l.silent(ctx, overdue, from, back, clock)
		if err != nil {
			return nil, err
		}
		news = append(news, begun...)
	}
	slices.SortFunc(news, func(a, b schema.Silence) int { return strings.Compare(a.Subject(""), b.Subject("")) })
	return slices.CompactFunc(news, func(a, b schema.Silence) bool { return a.Subject("") == b.Subject("") }), nil // two channels of one name cannot both be stored
}

// subjectOf is where silences of a channel stand.
func (l *Line) subjectOf(c *fleet.Channel) string {
	return (&schema.Silence{Tenant: c.Tenant, Site: c.Site, Serial: c.Serial, Channel: c.No}).Subject(l.Prefix)
}

// inherited are the ends of silences that were said of sensors which the fleet does not have any more, while the channel on their subject
// is heard: the sensor has got another uuid.
func (l *Line) inherited(ctx context.Context, channels []fleet.Channel, clock time.Time) (ended []schema.Silence, err error) {
	there := make(map[key]bool, len(channels))
	for i := range channels {
		there[keyOf(&channels[i])] = true
	}
	left := map[string]bool{}
	for k, subject := range l.open {
		if !there[k] {
			left[subject] = true
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	for i := range channels {
		c := &channels[i]
		subject := l.subjectOf(c)
		last, before := l.ears.lastOf(keyOf(c)), l.known[subject].LastAt
		if !left[subject] || !last.After(before) || Overdue(l.Rule.Due(last, *c), clock) {
			continue
		}
		heard, err := l.ears.heardSince(ctx, c, before, clock)
		if err != nil {
			return nil, err
		}
		if len(heard) > 0 {
			ended = append(ended, l.resumed(subject, heard, clock))
		}
	}
	return ended, nil
}

// resumed is the end of a silence, after which readings of these times were heard, ascending.
func (l *Line) resumed(subject string, heard []time.Time, clock time.Time) schema.Silence {
	s := l.known[subject].Silence
	s.Resumed, s.At = true, clock
	s.Missing = Missing(s.LastAt, heard[len(heard)-1], s.Cycle, len(heard)-1)
	return s
}

// silent returns which of the channels that are overdue are silent. From is when one of them was heard last.
func (l *Line) silent(ctx context.Context, overdue []*fleet.Channel, from time.Time, back time.Duration, clock time.Time) (begun []schema.Silence, err error) {
	if from.Before(clock.Add(-farthest)) {
		from = clock.Add(-farthest)
	}
	now := Now{Clock: clock}
	if now.Covered, now.Since, err = l.Covered(ctx, checkpoint.Span{From: from, Until: clock}); err != nil {
		return nil, err
	}
	if now.Since.Before(from) {
		now.Since = from
	}
	// What others have stored since the stream was read may be what is covered: whoever is silent by it has to be heard once more.
	if err := l.ears.listen(ctx, back, clock); err != nil {
		return nil, err
	}
	for _, c := range overdue {
		last := l.ears.lastOf(keyOf(c))
		if !l.Rule.Silent(last, *c, now) {
			continue
		}
		s := schema.Silence{
			Tenant: c.Tenant, Site: c.Site, Sensor: c.Sensor, Serial: c.Serial, Model: c.Model, Channel: c.No, Names: c.Names,
			LastAt: last, DueAt: l.Rule.Due(last, *c), Cycle: c.Cycle,
		}
		before := l.known[s.Subject(l.Prefix)]
		if s.Before = before.Before; before.LastAt.Equal(last) && before.Before > 0 { // it has been said, and its end too
			continue
		}
		begun = append(begun, s)
	}
	return begun, nil
}

// store stores what has changed. After an error the stream has to be read again.
func (l *Line) store(ctx context.Context, news []schema.Silence) error {
	silent, resumed, first := 0, 0, ""
	err := l.Silences.Store(ctx, news, func(i int, sequence uint64) {
		s := schema.StoredSilence{Silence: news[i], ID: news[i].ID()}
		s.Before = sequence
		subject, k := s.Subject(l.Prefix), key{s.Sensor, s.Channel}
		if was := (key{l.known[subject].Sensor, l.known[subject].Channel}); was != k { // a new sensor has taken the place of one that was silent
			delete(l.open, was)
			l.ears.arrived(was)
		}
		l.known[subject] = s
		if s.Resumed {
			resumed++
			delete(l.open, k)
			l.ears.arrived(k)
			return
		}
		if silent++; silent == 1 {
			first = s.Serial + "/" + s.Channel
		}
		l.open[k] = subject
		l.ears.await(k, s.LastAt)
	})
	if silent > 0 {
		l.Log.Warn("channels are silent", "channels", silent, "first", first, "open", len(l.open))
	}
	if resumed > 0 {
		l.Log.Info("channels are heard again", "channels", resumed, "open", len(l.open))
	}
	if err != nil {
		l.known = nil
	}
	return err
}

// counted are the channels that are silent and not retired or inactive.
func (l *Line) counted(channels []fleet.Channel) (n int) {
	for i := range channels {
		if _, open := l.open[keyOf(&channels[i])]; open && !channels[i].Inactive {
			n++
		}
	}
	return n
}
