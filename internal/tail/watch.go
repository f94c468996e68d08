package tail

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// Watch prints what the streams of the feeds store from now on, until ctx ends. What is measured from now on has a line each, and
// a little of what came before; the rest is counted. Of the fleet it prints what becomes of devices and which batteries are low; what
// is new by the dozen is counted.
func Watch(ctx context.Context, js jetstream.JetStream, names publish.Names, feeds []schema.Feed, out io.Writer, colour bool) error {
	group, ctx := errgroup.WithContext(ctx)
	events, called := make(chan Event, 64), NewFleet()
	for _, feed := range feeds {
		f := &Follow{Stream: names.Stream(feed), Filters: []string{names.Prefix + "." + string(feed) + ".>"}, Begin: from(time.Time{})}
		f.Each = func(m Message) error {
			event, err := ParseEvent(m.Headers(), m.Data(), called)
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
		if feed == schema.Devices { // nobody else takes what becomes of it
			f.Begin = knowing(func(ctx context.Context, stream jetstream.Stream) error {
				return readNames(ctx, stream, names, time.Time{}, func(m Message) { _, _ = ParseEvent(m.Headers(), m.Data(), called) })
			}, f.Begin)
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
		if e.Silence == nil && e.Change == nil && !w.before.take(e) {
			w.skipped.add(e)
			skipped = true
			continue
		}
		show = append(show, e)
	}
	slices.Reverse(show)
	show = append(show, w.queue[older:]...)
	fresh := newThings(show)
	w.printNew(fresh, show)
	for _, e := range show {
		if e.Change == nil || worthALine(e.Change, fresh) {
			fmt.Fprintln(w.out, w.lines.line(e))
		}
	}
	w.queue = w.queue[:0]
	return skipped
}

// worthALine reports whether a change of the fleet is printed, where so many things are new: the rest is of documents that follow
// from others, or comes with each contact of a device.
func worthALine(c *Change, fresh map[schema.FleetKind]int) bool {
	switch c.Kind {
	case schema.KindDeviceStatus:
		return c.Low || c.Renewed
	case schema.KindTenant, schema.KindLocation, schema.KindDevice:
		return !c.New || fresh[c.Kind] <= fewNew
	}
	return false
}

// fewNew is how many new things of a kind have a line each. The first look finds all there is.
const fewNew = 3

// newThings counts what is new in the fleet.
func newThings(events []Event) map[schema.FleetKind]int {
	fresh := map[schema.FleetKind]int{}
	for _, e := range events {
		if e.Change != nil && e.Change.New {
			fresh[e.Change.Kind]++
		}
	}
	return fresh
}

// printNew prints in a line how much is new in the fleet, where it is too much for a line each.
func (w *watcher) printNew(fresh map[schema.FleetKind]int, events []Event) {
	var counted []string
	for _, kind := range []schema.FleetKind{schema.KindTenant, schema.KindLocation, schema.KindDevice} {
		if n := fresh[kind]; n > fewNew {
			counted = append(counted, words.Count(n, kindName(kind)))
		}
	}
	i := slices.IndexFunc(events, func(e Event) bool { return e.Change != nil && e.Change.New })
	if len(counted) > 0 {
		fmt.Fprintln(w.out, said(events[i].at().UTC().Format(time.TimeOnly), string(schema.Devices), "", "the fleet", strings.Join(counted, ", ")+" new"))
	}
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
