package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
)

// Kept is Covered without what retention has begun to remove: read again it would be stored once more, and be new to
// whoever reads the stream. What was stored since the stream's oldest message is there; whatever happened since then too. A
// stream without limits has no retention: what was purged there took its records along.
func (w *Writer) Kept(ctx context.Context, span checkpoint.Span) ([]checkpoint.Interval, error) {
	info, err := w.stream.Info(ctx)
	if err != nil {
		return nil, w.diagnose(ctx, fmt.Errorf("what retention has left of %s: %w", w.Feed, err))
	}
	if state := info.State; checkpoint.Limited(info.Config) && state.FirstSeq > 1 {
		span = span.Cut(state.FirstTime.UTC().Add(removing), span.Until)
	}
	if span.Empty() {
		return nil, nil
	}
	return w.Covered(ctx, span)
}

// removing is how much retention may remove while something is read.
const removing = time.Hour

// Removed returns the days within a span that were filled once and of which retention has left nothing in the stream, oldest
// first. The checkpoint bucket still shows their records, with the sequence that each had: one before the stream's first
// message has been removed, one behind its last has been lost, and a lost day is a gap like any other.
func (w *Writer) Removed(ctx context.Context, span checkpoint.Span) (days []checkpoint.Span, err error) {
	removed, err := w.removed(ctx, span)
	if err != nil {
		return nil, w.diagnose(ctx, fmt.Errorf("days of %s that retention has removed: %w", w.Feed, err))
	}
	slices.Sort(removed)
	for _, name := range removed {
		day, err := checkpoint.DaySpan(name)
		if err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, nil
}

func (w *Writer) removed(ctx context.Context, span checkpoint.Span) (removed []string, err error) {
	info, err := w.stream.Info(ctx)
	if err != nil {
		return nil, err
	}
	first := info.State.FirstSeq
	if first <= 1 {
		return nil, nil
	}
	shown, err := keysOf(ctx, w.js, w.config.Names.Checkpoints())
	if errors.Is(err, jetstream.ErrStreamNotFound) { // nobody may write it, or it was removed a moment ago
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	there, err := w.book.Days(ctx)
	if err != nil {
		return nil, err
	}
	bucket, err := w.js.Stream(ctx, BucketStream(w.config.Names.Checkpoints()))
	if err != nil {
		return nil, err
	}
	days := span.Days()
	for _, key := range shown {
		day, ours := strings.CutPrefix(key, string(w.Feed)+".")
		if !ours || !slices.Contains(days, day) || slices.Contains(there, day) {
			continue
		}
		seq, err := shownSeq(ctx, bucket, "$KV."+w.config.Names.Checkpoints()+"."+key)
		if err != nil {
			return nil, err
		}
		if 0 < seq && seq < first {
			removed = append(removed, day)
		}
	}
	return removed, nil
}

// SequenceHeader is the header of what a view shows with the sequence of the stream's message that says so.
const SequenceHeader = "Saveris-Sequence"

// shownSeq returns the sequence that the record under a bucket's subject has in the stream, 0 where it does not say, or is no
// longer shown.
func shownSeq(ctx context.Context, bucket jetstream.Stream, subject string) (uint64, error) {
	m, err := bucket.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil || m.Header.Get("KV-Operation") != "" {
		return 0, err
	}
	seq, _ := strconv.ParseUint(m.Header.Get(SequenceHeader), 10, 64)
	return seq, nil
}
