package status

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// parseRecord reads what stands in the bucket of checkpoints under <feed>.<day>.
func parseRecord(key string, data []byte) (checkpoint.Record, error) {
	record, err := checkpoint.ParseRecord(data)
	if err == nil && record.Feed+"."+record.Day != key {
		err = errAnotherPage
	}
	return record, err
}

// sumUp sums up the records of a feed, as of now by our clock.
func sumUp(feed schema.Feed, records map[string]entry[checkpoint.Record], now time.Time) Feed {
	f := Feed{Feed: feed, Gaps: []checkpoint.Span{}, Days: []Day{}, Partly: []Day{}}
	var covered []checkpoint.Interval
	var newest uint64
	for _, key := range slices.Sorted(maps.Keys(records)) { // by day
		if !strings.HasPrefix(key, string(feed)+".") {
			continue
		}
		e := records[key]
		if e.seq > newest {
			newest, f.Writer, f.Account = e.seq, e.value.Writer, e.value.Account
		}
		if e.value.Day == checkpoint.RejectedDay {
			f.Rejected = e.value.Rows
			continue
		}
		f.add(e.value)
		covered = append(covered, e.value.Covered...)
	}
	if len(covered) == 0 {
		return f
	}
	until := covered[len(covered)-1].Until.UTC()
	f.CoveredUntil = &until
	f.ReadAt = lastPoll(covered, now)
	for _, day := range f.Days {
		if day.Covered > 0 && day.Covered < 1-aMoment && day.Day < until.Format(time.DateOnly) {
			f.Partly = append(f.Partly, day)
		}
	}
	if f.Since != nil {
		f.Gaps = append(f.Gaps, checkpoint.Gaps(covered, *f.Since, until)...)
	}
	return f
}

// aMoment is a share of a day that adding up shares may lose.
const aMoment = 1e-9

// aheadOfUs is how far a time of the vendor's may lie ahead of our clock to be believed, as the poller has it.
const aheadOfUs = time.Minute

// lastPoll is when the interval that ends last was read. A poll reads up to the vendor's now, while backfills, catching up
// and revisits read what lies behind, and do not show whether anybody polls. Intervals that were joined have the time of
// the earliest one, but nobody reads ahead: the end counts as well. What claims to be of the future counts for nothing, since
// the vendor's clock was ahead then. It is nil where nothing is left.
func lastPoll(covered []checkpoint.Interval, now time.Time) *time.Time {
	latest := now.Add(aheadOfUs)
	for _, iv := range slices.Backward(covered) {
		at := iv.ReadAt.UTC()
		if iv.Until.After(at) && !iv.Until.After(latest) {
			at = iv.Until.UTC()
		}
		if !at.After(latest) {
			return &at
		}
	}
	return nil
}

// add adds a day's record. The latest watermark of the records counts, as it does for who polls.
func (f *Feed) add(r checkpoint.Record) {
	day := Day{Day: r.Day, Rows: r.Rows, Late: r.Late}
	for _, iv := range r.Covered {
		day.Covered += iv.Span().Width().Hours() / 24
		if iv.ReadAt.After(day.ReadAt) {
			day.ReadAt = iv.ReadAt.UTC()
		}
	}
	f.Days = append(f.Days, day)
	f.Rows += r.Rows
	f.Late += r.Late
	if r.Since != nil && (f.Since == nil || r.Since.After(*f.Since)) {
		since := r.Since.UTC()
		f.Since = &since
	}
}

// sumUpBackfills returns the last states, newest first.
func sumUpBackfills(b *bucket[schema.Backfill], now time.Time) []Backfill {
	list := []Backfill{}
	for _, e := range b.entries {
		if b.life == 0 || now.Sub(e.at) < b.life {
			list = append(list, Backfill{e.value, e.at})
		}
	}
	slices.SortFunc(list, func(x, y Backfill) int { return cmp.Or(y.StartedAt.Compare(x.StartedAt), cmp.Compare(x.ID, y.ID)) })
	return list
}

// leader returns who has the lease of polling; nobody if it has not been renewed for as long as one lives.
func leader(b *bucket[string], key string, now time.Time) string {
	e := b.entries[key]
	if b.life > 0 && now.Sub(e.seen) > b.life {
		return ""
	}
	return e.value
}
