package poller

import (
	"context"
	"maps"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// AfterOutage yields what has to be read again because a logger was cut off for a while: when it is back it delivers days or
// weeks at once, and what is older than the last age would never be read again. It never ends.
//
// The end of its connection-timeout alarm announces it (observed), and before that a look at the fleet (inferred). What had been read before that came in is read again, from
// the beginning of the outage until then, and once more a little later as far as no age will: the logger needs a moment to
// deliver. All of it follows from the stored alarms and from when intervals were read, so a restart changes nothing; what the fleet
// has shown is known to the process alone.
type AfterOutage struct {
	Ages     checkpoint.Ages
	Interval time.Duration // between two looks that found nothing
	Rows     int           // a window should hold
	Now      Clock
	Covered  Coverage
	// Outages returns those that have ended, in no order.
	Outages func(ctx context.Context) ([]schema.Outage, error)

	idle bool
	cutter
	settled map[schema.Outage]bool // of which all is read, for good
	read    []pending              // with when it was asked for
}

const (
	// delivery is how long a logger that is back may take to deliver what it has.
	delivery = 15 * time.Minute
	// shortestLead and longestLead bound how long before its alarm an outage is taken to have begun. The alarm comes after
	// some communication cycles without a word, and cycles last from a minute to a day; a quarter of an hour is usual.
	shortestLead = 15 * time.Minute
	longestLead  = 48 * time.Hour
	// keptFor is how long an outage of which all is read is looked at again, in case the broker loses the tail of the stream.
	keptFor = 24 * time.Hour
)

// Next waits until something is to be read again.
func (p *AfterOutage) Next(ctx context.Context) (Window, error) {
	for ; ; p.idle = true {
		if p.idle {
			if err := sleep.For(ctx, min(p.Interval, time.Minute)); err != nil {
				return Window{}, err
			}
			p.idle = false
		}
		now, err := p.Now(ctx)
		if err != nil {
			return Window{}, err
		}
		p.looked = now
		spans, err := p.due(ctx, now)
		if err != nil {
			return Window{}, err
		}
		if spans = p.without(spans, now); len(spans) > 0 {
			return Window{Span: p.width.cut(spans[0]), Reason: ReasonOutage, Background: true}, nil
		}
	}
}

// Done adapts the width of the next windows, and notes what has been read.
func (p *AfterOutage) Done(w Window, rows int, err error) {
	if p.done(w, rows, p.Rows, err); err == nil {
		p.read = append(p.read, pending{w.Span, w.AskedAt})
	}
}

// due returns what is to be read again at now, oldest first.
func (p *AfterOutage) due(ctx context.Context, now time.Time) ([]checkpoint.Span, error) {
	outages, err := p.Outages(ctx)
	maps.DeleteFunc(p.settled, func(o schema.Outage, _ bool) bool { return now.Sub(o.Ended) > rememberedFor+keptFor }) // nobody tells of it any more
	outages = slices.DeleteFunc(outages, func(o schema.Outage) bool { return p.settled[o] })
	if err != nil || len(outages) == 0 {
		return nil, err
	}
	first := slices.MinFunc(outages, func(a, b schema.Outage) int { return begin(a).Compare(begin(b)) })
	covered, err := p.Covered(ctx, checkpoint.Span{From: begin(first), Until: now})
	if err != nil {
		return nil, err
	}
	covered = withoutFuture(covered, now)
	p.read = slices.DeleteFunc(p.read, func(r pending) bool { return now.Sub(r.at) > keptFor })
	if p.settled == nil {
		p.settled = map[schema.Outage]bool{}
	}
	var spans []checkpoint.Span
	for _, o := range outages {
		again := p.again(o, covered, now)
		if len(again) == 0 && now.Sub(o.Ended) > keptFor {
			p.settled[o] = true
		}
		spans = append(spans, again...)
	}
	return union(spans), nil
}

// again returns what is to be read again because of one outage. One that ends in the future has not ended.
func (p *AfterOutage) again(o schema.Outage, covered []checkpoint.Interval, now time.Time) (spans []checkpoint.Span) {
	if !o.Ended.After(now) {
		spans = p.readBefore(covered, checkpoint.Span{From: begin(o), Until: o.Ended}, o.Ended)
	}
	if delivered := o.Ended.Add(delivery); !delivered.After(now) {
		until := o.Ended
		if len(p.Ages) > 0 && delivered.Add(-slices.Max(p.Ages)).Before(until) {
			until = delivered.Add(-slices.Max(p.Ages))
		}
		spans = append(spans, p.readBefore(covered, checkpoint.Span{From: begin(o), Until: until}, delivered)...)
	}
	return spans
}

// readBefore returns what of a span was last read before a moment. What this plan has read since then may look older, but
// by no more than joining makes it: the broker has lost a reading that is older than that.
func (p *AfterOutage) readBefore(covered []checkpoint.Interval, span checkpoint.Span, moment time.Time) []checkpoint.Span {
	var since []checkpoint.Span
	for _, r := range p.read {
		if !r.at.Before(moment) {
			since = append(since, r.Span)
		}
	}
	old := checkpoint.ReadBefore(covered, span, moment.Add(-2*p.Ages.Close()))
	return append(old, CutOut(checkpoint.ReadBefore(covered, span, moment), since...)...)
}

// begin returns since when a logger may have been cut off: as long before its alarm as that lasted, within bounds; as long as
// its memory reaches where the alarm's beginning is not known. The fleet shows it exactly: what was measured before the last
// communication was delivered by it.
func begin(o schema.Outage) time.Time {
	longest := o.Ended.Add(-schema.LongestOutage)
	if !o.Begun.IsZero() {
		return later(o.Begun, longest)
	}
	if o.Raised.IsZero() {
		return longest
	}
	return o.Raised.Add(-min(max(o.Ended.Sub(o.Raised), shortestLead), longestLead))
}

// union returns spans in order, each moment once.
func union(spans []checkpoint.Span) []checkpoint.Span {
	slices.SortFunc(spans, func(a, b checkpoint.Span) int { return a.From.Compare(b.From) })
	var all []checkpoint.Span
	for _, s := range spans {
		if n := len(all); n > 0 && !s.From.After(all[n-1].Until) {
			all[n-1].Until = later(all[n-1].Until, s.Until)
			continue
		}
		all = append(all, s)
	}
	return all
}
