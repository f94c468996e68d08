package coverage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// ErrNotConfirmed means that a change was not confirmed, and that nothing has changed.
var ErrNotConfirmed = errors.New("not confirmed")

// reset is a run of Reset.
type reset struct {
	feed   schema.Feed
	span   checkpoint.Span
	writer *publish.Writer
	out    io.Writer
}

// Reset makes a range of a feed uncovered, and writes to out what that is and who reads it again. Where it is not confirmed nothing
// changes: it writes what would, and the error is ErrNotConfirmed. Coverage of another account is a *publish.AnotherAccount.
func Reset(ctx context.Context, pipe *pipeline.Pipeline, feed schema.Feed, span checkpoint.Span, confirmed bool, out io.Writer, log *slog.Logger) error {
	writer, err := ownWriter(ctx, pipe, feed, log)
	if err != nil {
		return err
	}
	r := &reset{feed, span, writer, out}
	if !confirmed {
		err = r.preview(ctx)
	} else {
		view := pipe.CheckpointView(feed, nil, log)
		writer.OnRecord = view.Show
		err = view.Keep(ctx, r.run)
	}
	if err != nil && !errors.Is(err, ErrNotConfirmed) && !pipe.JS.Conn().IsConnected() {
		return fmt.Errorf("%w: %w", natsconn.ErrUnusable, err)
	}
	return err
}

// ownWriter makes a writer of a feed where the coverage of the prefix is of the account of the settings. It asks the vendor
// only where that has to be found out.
func ownWriter(ctx context.Context, pipe *pipeline.Pipeline, feed schema.Feed, log *slog.Logger) (*publish.Writer, error) {
	vendor, err := saveris.New(pipeline.VendorConfig(pipe.Settings.Vendor, pipe.Settings.WindowRows))
	if err != nil {
		return nil, err
	}
	proof := pipe.Proof(vendor, log)
	proof.Once = true
	if err := proof.Settle(ctx); err != nil {
		return nil, err
	}
	return pipe.Writer(feed, vendor, 1), nil
}

// preview says what would happen.
func (r *reset) preview(ctx context.Context) error {
	covered, err := r.covered(ctx)
	if len(covered) == 0 || err != nil {
		return err
	}
	if err := r.tell(ctx, "would be uncovered", covered); err != nil {
		return err
	}
	return ErrNotConfirmed
}

// covered returns what there is to be uncovered, and says so where there is nothing.
func (r *reset) covered(ctx context.Context) ([]checkpoint.Interval, error) {
	covered, err := r.writer.Covered(ctx, r.span)
	if len(covered) == 0 && err == nil {
		_, err = fmt.Fprintf(r.out, "nothing of %s from %s until %s is covered\n", r.feed, r.span.From.Format(time.RFC3339), r.span.Until.Format(time.RFC3339))
	}
	return covered, err
}

func (r *reset) run(ctx context.Context) error {
	covered, err := r.covered(ctx)
	if len(covered) == 0 || err != nil {
		return err
	}
	var cut []checkpoint.Interval
	for _, day := range (checkpoint.Span{From: covered[0].From, Until: covered[len(covered)-1].Until}).Days() {
		more, err := r.writer.Uncover(ctx, day, r.span)
		if err != nil {
			return err
		}
		cut = append(cut, more...)
	}
	return r.tell(ctx, "uncovered", cut)
}

// tell says what is uncovered and who reads it again. After the fact that is certain: nobody moves the beginning past a gap.
func (r *reset) tell(ctx context.Context, how string, cut []checkpoint.Interval) error {
	var width time.Duration
	for _, iv := range cut {
		width += iv.Span().Width()
	}
	span := checkpoint.Span{From: r.span.From, Until: r.span.Until}
	if len(cut) > 0 {
		span = checkpoint.Span{From: cut[0].From, Until: cut[len(cut)-1].Until}
	}
	since, found, err := r.writer.LowWatermark(ctx, checkpoint.Span{Until: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%s: %s of %s from %s until %s; what is stored stays, and rows that come again are recognised\n",
		how, words.Length(width), r.feed, span.From.Format(time.RFC3339), span.Until.Format(time.RFC3339))
	if !found {
		since = span.Until
	}
	if late := span.Cut(since, span.Until); !late.Empty() {
		fmt.Fprintf(r.out, "bridge run reads what is not before %s by itself\n", late.From.Format(time.RFC3339))
	}
	if early := span.Cut(span.From, since); !early.Empty() {
		_, err = fmt.Fprintf(r.out, "bridge run does not go back that far, this reads it: bridge backfill --from %s --until %s --feeds %s\n",
			early.From.Format(time.RFC3339), early.Until.Format(time.RFC3339), r.feed)
	}
	return err
}
