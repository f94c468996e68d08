package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// Line carries what there is at the vendor's to the stream of the fleet. The hooks are called by the goroutine of Run, and may be nil.
type Line struct {
	Source   fleet.Source
	Changes  *publish.Changes
	Interval time.Duration // between two looks
	Log      *slog.Logger
	Licence  time.Duration // between two tries at what the vendor refuses; 0 = an hour
	// Wanted receives a place that events name and the fleet lacks, in words for the log: the fleet is then looked at sooner, but
	// not within Soonest of the last look. nil = it is never wanted.
	Wanted  <-chan string
	Soonest time.Duration
	// CutOffAfter is after how many communication cycles a device counts as cut off, see fleet.Contacts.
	CutOffAfter int
	// Hint returns what a person can do about an error, "" where nothing is known; nil = nothing is.
	Hint func(error) string

	// OnStored is called with each change that is stored, also where that shows only when the stream is read again. What was stored before
	// Run began is not among them.
	OnStored  func(c schema.StoredFleetChange, sequence uint64)
	OnLook    func(Look)            // after each look that has seen anything
	OnStep    func(poller.Step)     // whenever the line goes on
	OnBack    func([]schema.Outage) // when devices that were cut off are back, with their outages
	OnRefusal func(error)           // when the vendor does not give the fleet, with the reason, and when he does again, with nil

	contacts fleet.Contacts
	known    *fleet.Inventory // nil where the stream has to be read
	begun    bool             // the stream was read once
	reported uint64           // sequence of the last change that OnStored was called with, or that was there before
	walker   *fleet.Walker
	refusals saveris.Refusals
	refused  error  // why the vendor does not give the fleet
	trouble  string // what could not be read of the fleet, as the log has it
	last     atomic.Int64
}

// Look is what a look at the fleet has found.
type Look struct {
	Things  map[fleet.Kind]int // that are known now
	Changed map[fleet.Kind]int // changes that were stored
	Took    time.Duration
	// Err is why some of the fleet could not be read, or not be stored; nil where all of it was.
	Err error
}

// errNoFleet: the vendor gives nothing of the fleet.
var errNoFleet = errors.New("the vendor gives nothing of the fleet")

// How long the line waits.
const (
	firstRetry  = time.Second // after a failure; then twice as long each time
	lastRetry   = time.Minute
	longestLook = 6 * time.Hour // for exports that wait behind those of rows
)

// LastLook returns when the last look that has seen anything began, by our clock; zero where none has. Any goroutine may call it.
func (l *Line) LastLook() time.Time {
	if at := l.last.Load(); at > 0 {
		return time.UnixMilli(at)
	}
	return time.Time{}
}

// Run looks once an interval until ctx ends (its error is returned) or the vendor refuses the login for good (saveris.ErrRefused).
// Everything else is tried again for ever.
func (l *Line) Run(ctx context.Context) error {
	defer l.step(poller.Step{Doing: poller.Ends})
	l.Licence = cmp.Or(l.Licence, saveris.LicenceWait)
	l.walker = fleet.NewWalker(l.Source, nil)
	l.walker.Licence = l.Licence
	l.known, l.begun, l.contacts, l.refused, l.trouble = nil, false, fleet.Contacts{After: l.CutOffAfter}, nil, ""
	for retry := firstRetry; ; {
		began := time.Now()
		err := l.look(ctx)
		wait := l.Interval
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case l.shut(err):
			wait, _ = saveris.RefusalWait(err, l.Licence)
		case errors.Is(err, saveris.ErrRefused) && !errors.Is(err, saveris.ErrForbidden) && l.refusals.Confirm(err):
			return err
		case err != nil:
			wait, retry = min(retry, l.Interval), min(2*retry, lastRetry)
			l.failed(err, wait)
		default:
			l.refusals.Confirm(nil)
			l.last.Store(began.UnixMilli())
			retry = firstRetry
		}
		if err == nil || l.refused != nil {
			l.step(poller.Step{Doing: poller.Plans, For: wait})
		}
		if err == nil {
			wait = l.untilWanted(ctx, wait, began)
		}
		if err := sleep.For(ctx, wait); err != nil {
			return err
		}
	}
}

// untilWanted waits for so long, or until a look is wanted, and returns how long that look has to wait.
func (l *Line) untilWanted(ctx context.Context, wait time.Duration, last time.Time) time.Duration {
	due := time.Now().Add(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case place := <-l.Wanted:
		at := last.Add(l.Soonest)
		if at.After(due) {
			at = due
		}
		l.Log.Info("an event names what the fleet lacks, looking at it sooner", "place", place, "wait", max(0, time.Until(at)))
		return time.Until(at)
	case <-timer.C:
	case <-ctx.Done():
	}
	return 0
}

// shut takes over whether the vendor gives the fleet, and reports that he does not.
func (l *Line) shut(err error) bool {
	switch {
	case errors.Is(err, errNoFleet) && (l.refused != nil || l.refusals.Confirm(err)): // once it has worked, one may be a hiccup
		if l.refused == nil && l.OnRefusal != nil {
			l.OnRefusal(err)
		}
		l.refused = err
		return true
	case err == nil && l.refused != nil:
		if l.refused = nil; l.OnRefusal != nil {
			l.OnRefusal(nil)
		}
	}
	return false
}

// look looks once, and stores what has changed.
func (l *Line) look(ctx context.Context) error {
	began := time.Now()
	if err := l.load(ctx); err != nil {
		return err
	}
	select {
	case <-l.Wanted: // by this look
	default:
	}
	l.step(poller.Step{Doing: poller.Fetches, For: longestLook})
	result, failures := Look{Things: map[fleet.Kind]int{}, Changed: map[fleet.Kind]int{}}, failures{}
	l.Changes.OnTooLarge = failures.leave
	err := l.walker.Look(ctx, func(seen fleet.Look) error {
		failures.add(seen)
		l.back(seen)
		n, err := l.store(ctx, seen)
		result.Changed[seen.Kind] = n
		l.step(poller.Step{Doing: poller.Fetches, For: longestLook})
		return err
	})
	if err != nil {
		return err
	}
	if err := failures.nothing(); err != nil {
		return err
	}
	for _, kind := range schema.FleetKinds {
		result.Things[kind] = l.known.Len(kind)
	}
	result.Took, result.Err = time.Since(began), failures.err()
	l.report(result)
	return nil
}

// back reports which devices were cut off and are back.
func (l *Line) back(seen fleet.Look) {
	ended := l.contacts.Back(seen, l.known)
	if len(ended) == 0 || l.OnBack == nil {
		return
	}
	for _, o := range ended {
		l.Log.Info("devices that were cut off are back", "from", o.Begun, "until", o.Ended)
	}
	l.OnBack(ended)
}

// load reads what the stream holds, unless it is known.
func (l *Line) load(ctx context.Context) error {
	if l.known != nil {
		stands, err := l.Changes.Stands(ctx)
		if err != nil {
			return err
		}
		if stands {
			return l.lost(ctx)
		}
		l.known = nil
	}
	l.step(poller.Step{Doing: poller.Plans})
	known, newest := fleet.NewInventory(), uint64(0)
	known.Pack()
	err := l.Changes.Load(ctx, func(c schema.StoredFleetChange, sequence uint64) error {
		if newest = max(newest, sequence); l.begun && sequence > l.reported {
			l.stored(c, sequence)
		}
		return known.Load(c.Data, sequence)
	})
	if err != nil {
		return err
	}
	known.Pack()
	l.known, l.begun, l.reported = known, true, newest
	l.walker.Know(known)
	return nil
}

func (l *Line) stored(c schema.StoredFleetChange, sequence uint64) {
	if l.OnStored != nil {
		l.OnStored(c, sequence)
	}
}

// lost notes what the limits of the stream have removed. It is stored again, however long it has not changed: who begins to read the
// stream finds what is there and no more.
func (l *Line) lost(ctx context.Context) error {
	first, err := l.Changes.First(ctx)
	if err != nil {
		return err
	}
	if n := l.known.Lost(first); n > 0 {
		l.Log.Info("the stream has lost things of the fleet to its limits, storing them again", "things", n)
	}
	return nil
}

// atOnce is how many changes are made ready at once.
const atOnce = 1000

// store stores what has changed of a kind, and returns how much it was. After an error the stream has to be read again.
func (l *Line) store(ctx context.Context, seen fleet.Look) (n int, err error) {
	for changes := range slices.Chunk(l.known.Compare(seen), atOnce) {
		l.step(poller.Step{Doing: poller.Commits})
		events := make([]schema.FleetChange, len(changes))
		for i := range changes {
			events[i] = changes[i].Event()
		}
		err := l.Changes.Store(ctx, events, func(i int, sequence uint64) {
			n++
			l.known.Stored(changes[i], sequence)
			l.stored(events[i].Stored(), sequence)
			l.reported = sequence
		})
		if err != nil {
			l.known = nil
			return n, err
		}
	}
	l.known.Pack()
	return n, nil
}

// failures are the kinds that could not be read in a look.
type failures struct {
	kinds, read int // kinds looked at, and those of them that were read at least in part
	refused     int // by the vendor: the licence lacks them, or they are retired
	why         []error
	left        int   // changes that are too large to be stored
	leftWhy     error // the first of them
}

func (f *failures) leave(subject string, err error) {
	f.left++
	f.leftWhy = cmp.Or(f.leftWhy, fmt.Errorf("%s: %w", subject, err))
}

func (f *failures) add(seen fleet.Look) {
	if f.kinds++; seen.Endpoint != "" {
		f.read++
	}
	switch {
	case seen.Err == nil || errors.Is(seen.Err, saveris.ErrNoSync): // the settings leave it out
		return
	case errors.Is(seen.Err, saveris.ErrForbidden), errors.Is(seen.Err, saveris.ErrRetired):
		f.refused++
	}
	name := strings.ReplaceAll(string(seen.Kind), "_", " ")
	if errors.Is(seen.Err, saveris.ErrForbidden) {
		name += " (refused, asked for again every hour)"
	}
	f.why = append(f.why, fmt.Errorf("%s: %w", name, seen.Err))
}

// nothing is why nothing of the fleet could be read; nil where something was.
func (f *failures) nothing() error {
	switch {
	case f.read > 0 || len(f.why) == 0:
		return nil
	case f.refused == len(f.why):
		return fmt.Errorf("%w: %w", errNoFleet, f.why[0])
	}
	return f.why[0]
}

// err is why some of the fleet could not be read, or not be stored, in one line.
func (f *failures) err() error {
	switch {
	case len(f.why) == 0 && f.left > 0:
		return fmt.Errorf("things that cannot be stored: %d, the first one: %w", f.left, f.leftWhy)
	case len(f.why) == 0:
		return nil
	case len(f.why) == 1:
		return f.why[0]
	}
	return fmt.Errorf("%d of %d kinds of things, the first one: %w", len(f.why), f.kinds, f.why[0])
}

// report has the log say what a look has found, and calls OnLook.
func (l *Line) report(look Look) {
	things, changed := 0, 0
	for _, kind := range schema.FleetKinds {
		things, changed = things+look.Things[kind], changed+look.Changed[kind]
	}
	l.Log.Info("fleet looked at", "things", things, "changed", changed, "took", look.Took)
	switch {
	case look.Err == nil && l.trouble != "":
		l.Log.Info("all of the fleet can be read and stored again")
		l.trouble = ""
	case look.Err != nil && l.trouble != look.Err.Error():
		l.trouble = look.Err.Error()
		l.Log.Warn("some of the fleet cannot be read or stored, retrying", "wait", l.Interval, "err", look.Err, "hint", l.hint(look.Err))
	}
	if l.OnLook != nil {
		l.OnLook(look)
	}
}

// failed reports that a look has failed and will be repeated.
func (l *Line) failed(err error, wait time.Duration) {
	l.step(poller.Step{Doing: poller.Retries, For: wait, Failed: poller.Fetches, Err: err})
	level := slog.LevelWarn
	if errors.Is(err, publish.ErrDisconnected) || errors.Is(err, publish.ErrConflict) || l.refused != nil { // it is in the log, or mends itself
		level = slog.LevelDebug
	}
	l.Log.Log(context.Background(), level, "retrying", "wait", wait, "err", err, "hint", l.hint(err))
}

func (l *Line) hint(err error) string {
	if l.Hint == nil {
		return ""
	}
	return l.Hint(err)
}

// step reports what the line does from now on. It has one name: that of the line by which a feed is kept up to date.
func (l *Line) step(s poller.Step) {
	if s.Line = poller.TailLine; l.OnStep != nil {
		l.OnStep(s)
	}
}
