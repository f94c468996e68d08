package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// Level is how much a problem matters.
type Level string

// The levels, the worst first.
const (
	Bad  Level = "bad"  // a feed has stalled
	Look Level = "look" // polls go on; a person should have a look
	Wait Level = "wait" // it will pass by itself
)

// Problem is one thing that is not well. The text may hold what others wrote: whoever shows it makes it harmless.
type Problem struct {
	Level Level       `json:"level"`
	Feed  schema.Feed `json:"feed,omitempty"` // which is not fresh or not complete; empty where all may be
	Text  string      `json:"text"`           // a sentence without its capital and dot; moments in it are UTC
}

// Rules are what a verdict goes by besides the status.
type Rules struct {
	Poll    time.Duration // between polls
	Quiet   time.Duration // how old the newest reading may be while polls go on; 0 is two hours
	Taken   bool          // a process has the store of the embedded server: it may be a bridge that holds no lease
	Process Process
}

// Process is what a running bridge knows of itself; nothing where nobody polls here.
type Process struct {
	Began  time.Time              // when the process began
	Leads  bool                   // it polls a feed
	Held   time.Time              // until when the vendor throttles; zero: he does not
	Lost   time.Time              // since when there is no connection to NATS; zero: there is one
	Store  string                 // why nothing can be stored and what to do, harmless; empty: nothing is known of any reason
	Looked time.Time              // when this process last looked at the fleet, by our clock; zero: it has not
	Missed time.Time              // since when this process should have looked at the fleet and has not; zero: it is in time, or another one looks
	Causes map[schema.Feed]string // why polls of this process fail, harmless and short
}

// How long something may last before it is a problem.
const (
	StaleAfter = 10 * time.Minute // a running backfill publishes every few seconds, and a window may wait a minute
	news       = 24 * time.Hour   // what is older is the past
	quiet      = 2 * time.Hour
)

// Problems is the one verdict on the bridge: all that is not well, the worst first. Without any, all is well.
func (s Status) Problems(r Rules) []Problem {
	r.Quiet = cmp.Or(r.Quiet, quiet)
	list := []Problem{}
	if lost := r.Process.Lost; !lost.IsZero() {
		list = append(list, Problem{Bad, "", "this bridge has had no connection to NATS since " + words.ClockSeconds(lost, s.At) + "; what is shown is from then"})
		s.At = lost // nothing is known of the time since
	}
	if r.Process.Store != "" {
		list = append(list, Problem{Bad, "", r.Process.Store})
	}
	if s.NoBridge && !r.leasesUnknown(s.At) {
		list = append(list, s.gone(r))
	}
	r.Process.Held = s.throttled(r.Process.Held)
	if len(s.Feeds) == 0 && !s.fleet {
		list = append(list, Problem{Wait, "", "nothing has been read yet"})
	}
	for _, f := range s.Feeds {
		if s.shown(f.Feed) {
			list = append(list, f.problems(s.At, r)...)
		}
	}
	list = append(list, s.ofFleet(r.Process)...)
	list = append(list, s.ofBackfills()...)
	list = append(list, s.ofNotes()...)
	order := []Level{Bad, Look, Wait}
	slices.SortStableFunc(list, func(x, y Problem) int {
		return cmp.Compare(slices.Index(order, x.Level), slices.Index(order, y.Level))
	})
	return list
}

// ofFleet is the problem that a bridge does not look at the fleet any more, unless it has noted why, or has lost NATS.
func (s Status) ofFleet(here Process) []Problem {
	noted := slices.ContainsFunc(s.Vendor, func(n Note) bool { return n.Feed == schema.Devices })
	if here.Missed.IsZero() || !here.Lost.IsZero() || noted {
		return nil
	}
	text := string(schema.Devices) + " have been stalled since " + words.Clock(here.Missed, s.At)
	if cause := here.Causes[schema.Devices]; cause != "" {
		text += ": " + cause
	}
	return []Problem{{Bad, schema.Devices, text}}
}

// leasesUnknown reports whether the want of a lease means nothing: what is known of leases is old or not true, a bridge has just
// begun, or one that may run could not store a lease.
func (r Rules) leasesUnknown(now time.Time) bool {
	here := r.Process
	begins := !here.Began.IsZero() && now.Sub(here.Began) <= goneAfter
	unstored := here.Store != "" && (r.Taken || !here.Began.IsZero())
	return here.Leads || !here.Lost.IsZero() || begins || unstored
}

// gone is the problem that nobody polls. A bridge that has it itself runs, and one that has the store may.
func (s Status) gone(r Rules) Problem {
	text, last := "no bridge is running", "the last one was seen"
	switch {
	case !r.Process.Began.IsZero():
		text, last = "no bridge polls", "the last one polled"
	case r.Taken:
		text, last = "no bridge holds the lease to poll", "it was renewed last"
	}
	if s.Heard != nil {
		text += ", " + last + " at " + words.ClockSeconds(*s.Heard, s.At)
	}
	return Problem{Bad, "", text}
}

func (f Feed) problems(now time.Time, r Rules) (list []Problem) {
	name := words.Shortened(string(f.Feed), longestText)
	add := func(level Level, format string, values ...any) {
		list = append(list, Problem{level, f.Feed, name + " " + fmt.Sprintf(format, values...)})
	}
	limit, why := schema.StalledAfter(r.Poll), ""
	if cause := r.Process.Causes[f.Feed]; cause != "" {
		why = ": " + cause
	}
	began := r.Process.Began
	held, late := !r.Process.Held.IsZero(), f.ReadAt != nil && now.Sub(*f.ReadAt) > limit
	waits := f.Export != nil && !f.Export.Background
	switch {
	case f.Ahead(now):
		add(Look, "are covered until %s, which is yet to come: the clocks of the vendor and of this machine differ", words.Clock(*f.CoveredUntil, now))
	case held && f.ReadAt == nil:
		add(Wait, "have not been read yet: %s", Throttled(r.Process.Held, now))
	case held && late:
		add(Bad, "are %s, the last poll was at %s", Throttled(r.Process.Held, now), words.Clock(*f.ReadAt, now))
	case waits && f.ReadAt == nil && !began.IsZero() && now.Sub(began) > limit:
		add(Bad, "have been waiting for the vendor's export since %s, and have not been read since this bridge began", words.ClockSeconds(f.Export.AskedAt, now))
	case waits && f.ReadAt == nil:
		add(Wait, "have been waiting for the vendor's export since %s", words.ClockSeconds(f.Export.AskedAt, now))
	case waits && late:
		add(Bad, "have been waiting for the vendor's export since %s, the last poll was at %s", words.ClockSeconds(f.Export.AskedAt, now), words.Clock(*f.ReadAt, now))
	case f.ReadAt == nil && !began.IsZero() && now.Sub(began) > limit:
		add(Bad, "have not been read since this bridge began, %s%s", words.Clock(began, now), why)
	case f.ReadAt == nil:
		add(Wait, "have not been read yet")
	case late:
		add(Bad, "have been stalled since %s%s", words.Clock(*f.ReadAt, now), why)
	case f.Feed == schema.Readings && f.Newest != nil && now.Sub(*f.Newest) > r.Quiet:
		add(Look, "are polled, but the newest is of %s", words.Clock(*f.Newest, now))
	}
	if len(f.Gaps) > 0 {
		add(Look, "are not complete: %s", gapsText(f.Gaps))
	}
	if f.RejectedAt != nil && now.Sub(*f.RejectedAt) < news {
		list = append(list, Problem{Look, "", fmt.Sprintf("%s of %s rejected, the newest at %s", words.Count(int(max(1, f.Rejected)), "row"), name, words.Clock(*f.RejectedAt, now))})
	}
	return list
}

// Ahead reports whether all that has been read claims to be of the future, so that it is not known when it was read: the clock of the
// vendor is ahead of ours.
func (f Feed) Ahead(now time.Time) bool {
	return f.ReadAt == nil && f.CoveredUntil != nil && f.CoveredUntil.After(now)
}

func (s Status) ofBackfills() (list []Problem) {
	var failed, stale []Backfill
	for _, b := range s.Backfills {
		switch {
		case b.Phase == schema.BackfillFailed && s.At.Sub(b.ToldAt) < news:
			failed = append(failed, b)
		case b.Stale(s.At):
			stale = append(stale, b)
		}
	}
	for what, some := range map[string][]Backfill{"failed": failed, "not reported for ten minutes": stale} {
		switch len(some) {
		case 0:
		case 1:
			list = append(list, Problem{Look, "", fmt.Sprintf("backfill %s has %s", words.Shortened(some[0].ID, longestText), what)})
		default:
			list = append(list, Problem{Look, "", fmt.Sprintf("%d backfills have %s", len(some), what)})
		}
	}
	slices.SortFunc(list, func(x, y Problem) int { return cmp.Compare(x.Text, y.Text) })
	return list
}

// Stale reports whether a backfill that has not ended publishes nothing any more. After a day it is the past.
func (b Backfill) Stale(now time.Time) bool {
	age := now.Sub(b.ToldAt)
	return b.Running() && age > StaleAfter && age < news
}
