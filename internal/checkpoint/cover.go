package checkpoint

import (
	"slices"
	"time"
)

// Span is the half-open time [From, Until), in UTC.
type Span struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Empty reports whether nothing lies in the span.
func (s Span) Empty() bool { return !s.From.Before(s.Until) }

// Width is the span's length.
func (s Span) Width() time.Duration { return s.Until.Sub(s.From) }

// Cut returns the part of s within [from, until), possibly empty.
func (s Span) Cut(from, until time.Time) Span {
	if s.From.Before(from) {
		s.From = from
	}
	if s.Until.After(until) {
		s.Until = until
	}
	return s
}

// Interval is a half-open piece of a day that has been read completely.
type Interval struct {
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	ReadAt time.Time `json:"read_at"` // the moment of asking, by the vendor's clock
	Route  string    `json:"route"`   // "sync" or "export"
}

// Span is the interval's time.
func (iv Interval) Span() Span { return Span{iv.From, iv.Until} }

// Ages are the ages at which an interval is read again for late rows, counted from its end in event time.
type Ages []time.Duration

// Due reports whether an age of the interval has passed since it was read.
func (a Ages) Due(iv Interval, now time.Time) bool {
	_, due := a.passed(iv, now)
	return due
}

// passed returns the first age of the interval that has passed since it was read.
func (a Ages) passed(iv Interval, now time.Time) (first time.Duration, ok bool) {
	for _, age := range a {
		if at := iv.Until.Add(age); iv.ReadAt.Before(at) && !at.After(now) && (!ok || age < first) {
			first, ok = age, true
		}
	}
	return first, ok
}

// Close returns how far apart two readings may be to be joined under the earlier one: a tenth of the smallest age.
func (a Ages) Close() time.Duration {
	if len(a) == 0 {
		return 6 * time.Minute
	}
	return slices.Min(a) / 10
}

// Cover returns the list with iv read: iv replaces what it overlaps, and neighbours that were read by the same route at
// about the same time are joined under the earlier reading, so that the list stays short at any poll interval. A join that
// would make an interval due which was read after that age had passed is left out: it would be read twice for nothing.
// The list is sorted, without overlaps, and is not changed.
func Cover(list []Interval, iv Interval, ages Ages) []Interval {
	if iv.Span().Empty() {
		return list
	}
	out := append(Uncover(list, iv.Span()), iv)
	slices.SortFunc(out, func(a, b Interval) int { return a.From.Compare(b.From) })
	return join(out, ages)
}

func join(list []Interval, ages Ages) []Interval {
	out := list[:1]
	for _, next := range list[1:] {
		last := &out[len(out)-1]
		if !joinable(*last, next, ages) {
			out = append(out, next)
			continue
		}
		last.Until = next.Until
		if next.ReadAt.Before(last.ReadAt) {
			last.ReadAt = next.ReadAt
		}
	}
	return out
}

func joinable(a, b Interval, ages Ages) bool {
	if !a.Until.Equal(b.From) || a.Route != b.Route {
		return false
	}
	early, late := a.ReadAt, b.ReadAt
	if late.Before(early) {
		early, late = late, early
	}
	joined := Interval{From: a.From, Until: b.Until, ReadAt: early}
	return late.Sub(early) <= ages.Close() && !ages.Due(joined, late)
}

// Uncover returns the list without a span: what overlaps it is cut. The list is not changed.
func Uncover(list []Interval, span Span) []Interval {
	if span.Empty() {
		return list
	}
	out := make([]Interval, 0, len(list)+1)
	for _, iv := range list {
		for _, part := range []Span{iv.Span().Cut(iv.From, span.From), iv.Span().Cut(span.Until, iv.Until)} {
			if !part.Empty() {
				out = append(out, Interval{part.From, part.Until, iv.ReadAt, iv.Route})
			}
		}
	}
	return out
}

// Within returns the parts of the intervals that lie in a span.
func Within(list []Interval, span Span) (parts []Interval) {
	for _, iv := range list {
		if part := iv.Span().Cut(span.From, span.Until); !part.Empty() {
			parts = append(parts, Interval{part.From, part.Until, iv.ReadAt, iv.Route})
		}
	}
	return parts
}

// Gaps returns what is not covered within [from, until), oldest first.
func Gaps(covered []Interval, from, until time.Time) []Span {
	var gaps []Span
	for _, iv := range covered {
		if gap := (Span{from, iv.From}).Cut(from, until); !gap.Empty() {
			gaps = append(gaps, gap)
		}
		if iv.Until.After(from) {
			from = iv.Until
		}
	}
	if rest := (Span{from, until}); !rest.Empty() {
		gaps = append(gaps, rest)
	}
	return gaps
}

// ripeWidth is how much that is due is worth an export: the vendor is asked for an age once an hour, not at every poll.
const ripeWidth = time.Hour

// Ripe returns what is worth reading again at now, oldest first: due neighbours are one span, and a span is worth it once
// it fills an hour (or the age, where that is shorter), or once part of it is overdue by as much or by a tenth of its age.
func Ripe(covered []Interval, ages Ages, now time.Time) []Span {
	var ripe []Span
	for _, d := range due(covered, ages, now) {
		if d.overdue >= max(min(ripeWidth, d.age), d.age/10) || d.Width() >= min(ripeWidth, d.age) {
			ripe = append(ripe, d.Span)
		}
	}
	return ripe
}

// dueSpan is a span of neighbours that are due.
type dueSpan struct {
	Span
	age     time.Duration // of the part that is overdue most
	overdue time.Duration
}

// due returns what is to be read again at now, oldest first.
func due(covered []Interval, ages Ages, now time.Time) []dueSpan {
	var all []dueSpan
	for _, iv := range covered {
		age, ok := ages.passed(iv, now)
		if !ok {
			continue
		}
		overdue := now.Sub(iv.Until.Add(age))
		if n := len(all); n > 0 && all[n-1].Until.Equal(iv.From) {
			last := &all[n-1]
			if last.Until = iv.Until; overdue > last.overdue {
				last.age, last.overdue = age, overdue
			}
			continue
		}
		all = append(all, dueSpan{iv.Span(), age, overdue})
	}
	return all
}

// ReadBefore returns what of a span was last read before a moment, oldest first; neighbours are one span.
func ReadBefore(covered []Interval, span Span, moment time.Time) []Span {
	var before []Span
	for _, iv := range covered {
		part := iv.Span().Cut(span.From, span.Until)
		if part.Empty() || !iv.ReadAt.Before(moment) {
			continue
		}
		if n := len(before); n > 0 && before[n-1].Until.Equal(part.From) {
			before[n-1].Until = part.Until
			continue
		}
		before = append(before, part)
	}
	return before
}
