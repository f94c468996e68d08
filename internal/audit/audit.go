package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Settled is how old a slot has to be to be missing: a communication cycle of a quarter of an hour, and a quarter for the way of the
// reading to the vendor and into the stream.
const Settled = 30 * time.Minute

// Config says what to audit.
type Config struct {
	Span      checkpoint.Span
	Readings  *checkpoint.Stream // nil = the feed is not audited
	Alarms    *checkpoint.Stream // likewise
	Inventory []Channel          // each once; of others nothing is known
	Now       time.Time
	Prefix    string   // first subject token
	Streams   []string // names of the streams
	Version   string   // of the bridge
}

type auditor struct {
	config     Config
	report     *Report
	channels   []*channel
	byKey      map[Key]*channel
	byQuantity map[Key]*channel // by the sensor, and the quantity in the place of the number
	reader     *schema.ReadingReader
	readers    sync.WaitGroup               // of days
	records    map[string]checkpoint.Record // of readings, by day
	dueUntil   int64                        // milliseconds since 1970: what is due from then on is not missing yet
}

// Run reads the streams and returns the report, which has to be closed. It fails where a stream cannot be read, or where the sums of
// many channels and days cannot be kept in a temporary file.
func Run(ctx context.Context, config Config) (*Report, error) {
	a := &auditor{config: config, byKey: map[Key]*channel{}, byQuantity: map[Key]*channel{}, records: map[string]checkpoint.Record{}, reader: schema.NewReadingReader()}
	a.report = &Report{
		From: config.Span.From, Until: config.Span.Until, MadeAt: config.Now, Prefix: config.Prefix, Streams: config.Streams, Version: config.Version,
		table: &table{inMemory: mostInMemory},
	}
	due := config.Span.Until
	if settled := config.Now.Add(-Settled); settled.Before(due) {
		due = settled
	}
	a.dueUntil = due.UnixMilli()
	if err := a.run(ctx, due); err != nil {
		a.report.Close()
		return nil, err
	}
	return a.report, nil
}

func (a *auditor) run(ctx context.Context, due time.Time) error {
	if err := a.readReadings(ctx); err != nil {
		return err
	}
	if err := a.readAlarms(ctx); err != nil {
		return err
	}
	for _, feed := range a.feeds() {
		if err := a.readRejected(ctx, feed.name, feed.stream); err != nil {
			return err
		}
		if err := a.readRecords(ctx, feed.name, feed.stream, due); err != nil {
			return err
		}
	}
	a.report.order(a.channels)
	return nil
}

type feed struct {
	name   schema.Feed
	stream *checkpoint.Stream
}

func (a *auditor) feeds() (list []feed) {
	for _, f := range []feed{{schema.Readings, a.config.Readings}, {schema.Alarms, a.config.Alarms}} {
		if f.stream != nil {
			list = append(list, f)
		}
	}
	return list
}

// readReadings reads the day before the range and its days.
func (a *auditor) readReadings(ctx context.Context) error {
	if a.config.Readings == nil {
		return nil
	}
	a.addKnown()
	ctx, stop := context.WithCancel(ctx)
	defer a.readers.Wait()
	defer stop()
	names := (checkpoint.Span{From: a.config.Span.From.Add(-24 * time.Hour), Until: a.config.Span.Until}).Days()
	next := a.fetch(ctx, names[0])
	for i, name := range names {
		now := next
		close(now.turn)
		<-now.listed
		last := i+1 == len(names)
		ahead := !last && now.small()
		if ahead {
			next = a.fetch(ctx, names[i+1])
		}
		d, err := a.readDay(now)
		if err == nil {
			err = a.sumUp(d, name)
		}
		if err != nil {
			return fmt.Errorf("audit readings.%s: %w", name, err)
		}
		if !last && !ahead {
			next = a.fetch(ctx, names[i+1])
		}
	}
	return nil
}

// sumUp adds a day to the report, unless it lies before the range.
func (a *auditor) sumUp(d *day, name string) error {
	if !d.span.Until.After(a.config.Span.From) {
		d.correct()
		return a.close(d)
	}
	a.report.days = append(a.report.days, d.span)
	a.records[name] = d.list.Record
	a.report.Faults = append(a.report.Faults, d.faults(name)...)
	a.report.Corrections += uint64(d.correct())
	return a.close(d)
}

// readRecords reports what a feed's records say of the days of the range, and of rejected rows.
func (a *auditor) readRecords(ctx context.Context, name schema.Feed, stream *checkpoint.Stream, due time.Time) error {
	days := append(a.config.Span.Days(), checkpoint.RejectedDay)
	records, err := a.recordsOf(ctx, name, stream, days)
	if err != nil {
		return err
	}
	var covered []checkpoint.Interval
	for i, record := range records {
		covered = append(covered, record.Covered...)
		if record.Rows == 0 && days[i] == checkpoint.RejectedDay {
			continue
		}
		a.report.Days = append(a.report.Days, FeedDay{
			Feed: string(name), Day: days[i], Rows: record.Rows, Digest: record.Digest, Late: record.Late, Covered: covered[len(covered)-len(record.Covered):],
		})
	}
	gaps := checkpoint.Gaps(covered, a.config.Span.From, due)
	if a.config.Now.Before(a.config.Span.Until) { // what has not happened yet is not complete
		gaps = append(gaps, checkpoint.Gaps(covered, later(a.config.Now, a.config.Span.From), a.config.Span.Until)...)
	}
	for _, gap := range gaps {
		a.report.NotRead = append(a.report.NotRead, NotRead{string(name), gap.From.UTC(), gap.Until.UTC()})
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// recordsOf returns the records of days. Those of readings are the ones that were read with the readings.
func (a *auditor) recordsOf(ctx context.Context, name schema.Feed, stream *checkpoint.Stream, days []string) ([]checkpoint.Record, error) {
	var asked []string
	for _, day := range days {
		if _, known := a.records[day]; !known || name != schema.Readings {
			asked = append(asked, day)
		}
	}
	found, err := checkpoint.NewBook(stream).Records(ctx, asked)
	if err != nil {
		return nil, err
	}
	records := make([]checkpoint.Record, len(days))
	for i, day := range days {
		if len(asked) > 0 && asked[0] == day {
			records[i], found, asked = found[0], found[1:], asked[1:]
			continue
		}
		records[i] = a.records[day]
	}
	return records, nil
}

// order puts the channels into the order in which they are reported.
func (r *Report) order(channels []*channel) {
	for _, c := range channels {
		if c.units {
			r.Notes = append(r.Notes, fmt.Sprintf("channel %s/%s has values in several units: those that cannot be turned into %s are left out of the sums", c.Serial, c.No, c.Unit))
		}
	}
	r.channels = slices.SortedFunc(slices.Values(channels), func(x, y *channel) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Site, y.Site), cmp.Compare(x.Serial, y.Serial),
			cmp.Compare(len(x.No), len(y.No)), strings.Compare(x.No, y.No))
	})
	r.channels = slices.DeleteFunc(r.channels, func(c *channel) bool { return c.stored == 0 && c.known&isActive == 0 })
}
