package tail

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// Watch prints what the streams of the feeds store from now on, until ctx ends. What is measured from now on has a line each, and
// a little of what came before; the rest is counted.
func Watch(ctx context.Context, js jetstream.JetStream, names publish.Names, feeds []schema.Feed, out io.Writer, colour bool) error {
	group, ctx := errgroup.WithContext(ctx)
	events := make(chan Event, 64)
	for _, feed := range feeds {
		f := &Follow{Stream: names.Stream(feed), Filters: []string{names.Prefix + "." + string(feed) + ".>"}, Begin: from(time.Time{})}
		f.Each = func(m Message) error {
			event, err := ParseEvent(m.Headers(), m.Data())
			if err != nil {
				return fmt.Errorf("follow %s: %w", f.Stream, err)
			}
			select {
			case events <- event:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		group.Go(func() error { return f.Run(ctx, js) })
	}
	group.Go(func() error { return newWatcher(out, colour, time.Now()).print(ctx, events) })
	return group.Wait()
}

// watcher prints a line for each event since it began. Of those from before it prints a few and counts the others.
type watcher struct {
	out     io.Writer
	lines   lines
	began   time.Time
	before  counts  // lines that may still be printed of what was before
	queue   []Event // to be printed
	skipped counts
}

func newWatcher(out io.Writer, colour bool, began time.Time) *watcher {
	return &watcher{out: out, lines: lines{colour: colour, raised: raisedAlarms{}}, began: began, before: fewBefore}
}

// A poll's events come close together, and those of two feeds mixed: they are collected until settle has passed without
// one, and printed in the order of time. How many were skipped is printed when none has come for longer.
const (
	settle    = 200 * time.Millisecond
	settleOld = time.Second
)

// How many lines show what was before: at first, and once the catching up is over.
var (
	fewBefore = counts{readings: 7, alarms: 3, tasks: 3}
	fewLate   = counts{readings: 100, alarms: 100, tasks: 100}
)

// print prints until ctx ends.
func (w *watcher) print(ctx context.Context, events <-chan Event) error {
	if err := head(w.out); err != nil {
		return err
	}
	fresh, old := time.NewTimer(settle), time.NewTimer(settleOld)
	for {
		select {
		case e := <-events:
			w.queue = append(w.queue, e)
			fresh.Reset(settle)
		case <-fresh.C:
			if w.flush() {
				old.Reset(settleOld)
			}
		case <-old.C:
			w.printSkipped()
		case <-ctx.Done():
			w.flush()
			w.printSkipped()
			return ctx.Err()
		}
	}
}

// flush prints the queue, and reports whether it skipped something.
func (w *watcher) flush() (skipped bool) {
	slices.SortStableFunc(w.queue, func(a, b Event) int { return a.at().Compare(b.at()) })
	older, _ := slices.BinarySearchFunc(w.queue, w.began, func(e Event, t time.Time) int { return e.at().Compare(t) })
	var show []Event
	for _, e := range slices.Backward(w.queue[:older]) { // the newest of each kind
		if !w.before.take(e) {
			w.skipped.add(e)
			skipped = true
			continue
		}
		show = append(show, e)
	}
	slices.Reverse(show)
	for _, e := range append(show, w.queue[older:]...) {
		fmt.Fprintln(w.out, w.lines.line(e))
	}
	w.queue = w.queue[:0]
	return skipped
}

// printSkipped ends the catching up: what comes late from now on is little.
func (w *watcher) printSkipped() {
	if w.skipped != (counts{}) {
		fmt.Fprintf(w.out, "… %s of the time before this start stored\n", w.skipped)
		w.skipped = counts{}
		w.before = fewLate
	}
}

// counts are events by kind.
type counts struct{ readings, alarms, tasks int }

// String names what there is; tasks only where there are some.
func (c counts) String() string {
	if c.tasks == 0 {
		return fmt.Sprintf("%d readings and %d alarms", c.readings, c.alarms)
	}
	return fmt.Sprintf("%d readings, %d alarms and %d steps of tasks", c.readings, c.alarms, c.tasks)
}

func (c *counts) of(e Event) *int {
	switch {
	case e.alarm():
		return &c.alarms
	case !e.Task.At.IsZero():
		return &c.tasks
	}
	return &c.readings
}

func (c *counts) add(e Event) { *c.of(e)++ }

// take takes one of a kind, if there is one.
func (c *counts) take(e Event) bool {
	left := c.of(e)
	if *left == 0 {
		return false
	}
	*left--
	return true
}
