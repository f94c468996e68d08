package audit

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
)

// Report is the completeness report of a range. It serves one goroutine. All times are UTC.
type Report struct {
	From, Until, MadeAt time.Time
	Prefix              string
	Streams             []string
	Version             string // of the bridge

	Missing     uint64 // slots without a reading
	Corrections uint64 // readings of the range that the vendor has changed
	NotRead     []NotRead
	Faults      []string // why the report may be wrong: what was removed, and where an index is at fault
	Notes       []string

	Days          []FeedDay
	Alarms        []Alarm // mostAlarms at most
	AlarmCount    int
	Rejected      []Rejected // mostRejected at most
	RejectedCount int

	channels []*channel
	days     []checkpoint.Span
	table    *table
}

// FeedDay is what a feed's records say of a UTC day, or of the rows that could not be events.
type FeedDay struct {
	Feed    string                `json:"feed"`
	Day     string                `json:"day"`
	Rows    uint64                `json:"rows"`
	Digest  checkpoint.Digest     `json:"digest"`
	Late    uint64                `json:"late"`
	Covered []checkpoint.Interval `json:"covered"`
}

// NotRead is a part of the range that a feed has not been asked for yet.
type NotRead struct {
	Feed  string    `json:"feed"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Close removes the temporary file, if there is one.
func (r *Report) Close() { r.table.close() }

// Complete reports whether nothing is missing: every slot has a reading, all of the range has been read, and no index is at fault.
func (r *Report) Complete() bool { return r.Missing == 0 && len(r.NotRead) == 0 && len(r.Faults) == 0 }

// Check is the command that checks the digests of the report against the vendor.
func (r *Report) Check() string {
	return fmt.Sprintf("bridge verify --from %s --until %s", r.From.Format(time.RFC3339Nano), r.Until.Format(time.RFC3339Nano))
}

// day is the name of the i-th day.
func (r *Report) day(i int) string { return checkpoint.DayOf(r.days[i].From) }

// rowsOf returns a channel's days, oldest first. An error of reading them is left in err.
func (r *Report) rowsOf(c *channel, err *error) iter.Seq2[int, row] {
	return func(yield func(int, row) bool) {
		for i := range r.days {
			one, ok, failed := r.table.row(i, int(c.index))
			if failed != nil {
				*err = failed
				return
			}
			if ok && !one.empty() && !yield(i, one) {
				return
			}
		}
	}
}

// figures are those of a row as people get them. Nil is not known, or that there is none.
type figures struct {
	CycleSeconds          *float64   `json:"cycle_seconds"`
	CycleFrom             string     `json:"cycle_from"`
	Due                   *uint32    `json:"due"`
	Stored                uint32     `json:"stored"`
	Late                  uint32     `json:"late"`
	Missing               *uint32    `json:"missing"`
	First                 *time.Time `json:"first"`
	Last                  *time.Time `json:"last"`
	Min                   *float64   `json:"min"`
	Mean                  *float64   `json:"mean"`
	Max                   *float64   `json:"max"`
	MKT                   *float64   `json:"mkt"`
	MinutesOutsideWarning *float64   `json:"minutes_outside_warning"`
	MinutesOutsideAlarm   *float64   `json:"minutes_outside_alarm"`
}

func (r *row) figures(unit string) figures {
	f := figures{Stored: r.Stored, Late: r.Late, CycleFrom: "readings"}
	if r.Basis == fromInventory {
		f.CycleFrom = "inventory"
	}
	if r.Basis != noBasis {
		f.Due, f.Missing, f.CycleSeconds = &r.Due, &r.Missing, new(float64(r.Cycle)/1000)
	}
	if r.Stored > 0 {
		f.First, f.Last = new(time.UnixMilli(r.First).UTC()), new(time.UnixMilli(r.Last).UTC())
	}
	f.sums(r.sums(), r.Known, unit)
	f.outside(r.Warning, r.Alarm, r.Known)
	return f
}

func (f *figures) sums(s sums, known uint8, unit string) {
	if s.n == 0 {
		return
	}
	f.Min, f.Max = &s.least, &s.most
	if mean := s.mean(); !math.IsNaN(mean) {
		f.Mean = &mean
	}
	if t := s.mkt(); known&isTemperature != 0 && !math.IsNaN(t) {
		f.MKT = new(fromKelvin(t, unit))
	}
}

func (f *figures) outside(warning, alarm float64, known uint8) {
	if known&knownWarning != 0 {
		f.MinutesOutsideWarning = new(warning / 60_000)
	}
	if known&knownAlarm != 0 {
		f.MinutesOutsideAlarm = new(alarm / 60_000)
	}
}

// figures are the sums of the range.
func (c *channel) figures() figures {
	f := figures{}
	f.sums(c.sums, c.known, c.Unit)
	f.outside(c.warning, c.alarm, c.known)
	return f
}

// Err returns nil if the report is Complete, else an error that says what helps.
func (r *Report) Err() error {
	if r.Complete() {
		return nil
	}
	text := "the vendor has not shown these readings, or had not when they were asked for: bridge verify says which; bridge run stores what comes late"
	from, until := r.From.Format(time.RFC3339Nano), r.Until.Format(time.RFC3339Nano)
	switch {
	case len(r.Faults) > 0:
		text = fmt.Sprintf("bridge verify --from %s --until %s says what is wrong with the streams; bridge backfill --from %s --until %s --repair puts back what somebody has removed, --republish what retention has", from, until, from, until)
	case len(r.NotRead) > 0 && r.Until.After(r.MadeAt):
		text = "the range is not over yet: audit it again then, or without --until up to now"
	case len(r.NotRead) > 0:
		text = fmt.Sprintf("bridge backfill --from %s --until %s reads what has not been read", from, until)
	}
	return &hint.Error{Err: errors.New(r.sentence()), Code: hint.Failed, Hint: text}
}
