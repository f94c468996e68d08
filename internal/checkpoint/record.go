package checkpoint

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Version is the version of Record.
const Version = 1

// RejectedDay is the name of a feed's page for rows that cannot be events: they belong to no day.
const RejectedDay = "rejected"

// Record is the newest truth about one page, as it stands on saveris.checkpoints.<feed>.<day>. All times are UTC.
type Record struct {
	Version int        `json:"version"`
	Feed    string     `json:"feed"`
	Day     string     `json:"day"`     // YYYY-MM-DD, or RejectedDay
	Covered []Interval `json:"covered"` // read completely, oldest first; empty on the page of rejected rows
	Rows    uint64     `json:"rows"`    // events stored
	Digest  Digest     `json:"digest"`  // of the index entries of all of them
	Batch   string     `json:"batch"`   // id of the batch that wrote the record
	Writer  string     `json:"writer"`
	// Account is whose coverage it is, as 16 hex digits: see publish.AccountOf. Older builds left it out.
	Account string `json:"account,omitempty"`
	// Late is how many of the rows were stored although their time was covered already, and had reached the vendor after their
	// communication cycle: see the function Late. Absent while there is none. What is finished of a batch that a broker had torn is
	// not counted here, and builds from before this edition counted every row whose time was covered.
	Late uint64 `json:"late,omitempty"`
	// Repaired is how many events were stored once more because somebody had removed them: entries of index messages that
	// list again. Absent while there is none.
	Repaired uint64 `json:"repaired,omitempty"`
	// Since is the time from which on `run` still answers for gaps: when the feed's first `run` began, and later, as far
	// as all has been read since. Absent on pages that only backfills have written.
	Since *time.Time `json:"since,omitempty"`
}

// ParseRecord reads a record and refuses one that contradicts itself.
func ParseRecord(data []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("checkpoint record: %w", err)
	}
	if err := r.Validate(); err != nil {
		return Record{}, err
	}
	return r, nil
}

// Validate reports what is wrong with a record; such a record is neither read nor written.
func (r Record) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("checkpoint record %s.%s: "+format, append([]any{r.Feed, r.Day}, args...)...)
	}
	if r.Version != Version {
		return bad("version %d: this bridge knows version %d", r.Version, Version)
	}
	if r.Feed == "" || r.Batch == "" {
		return bad("feed or batch missing")
	}
	if r.Rows == 0 && r.Digest != (Digest{}) {
		return bad("digest %s of no rows", r.Digest)
	}
	if r.Account != "" && !isAccount(r.Account) {
		return bad("account %q: expected 16 hex digits", r.Account)
	}
	if r.Late > r.Rows {
		return bad("late %d of %d rows", r.Late, r.Rows)
	}
	if r.Day == RejectedDay {
		if len(r.Covered) > 0 {
			return bad("covered %d intervals: expected none", len(r.Covered))
		}
		return nil
	}
	day, err := DaySpan(r.Day)
	if err != nil {
		return err
	}
	return r.validateCovered(day, bad)
}

func isAccount(text string) bool {
	return len(text) == 16 && strings.Trim(text, "0123456789abcdef") == ""
}

func (r Record) validateCovered(day Span, bad func(string, ...any) error) error {
	end := day.From
	for _, iv := range r.Covered {
		if iv.Span().Empty() || iv.From.Before(end) || iv.Until.After(day.Until) {
			return bad("interval %s to %s: empty, out of order or outside the day", iv.From.Format(time.RFC3339), iv.Until.Format(time.RFC3339))
		}
		end = iv.Until
	}
	return nil
}

// Next returns the record that follows r when entries have been stored and, where cover is not nil, an interval has been
// read completely.
func (r Record) Next(entries []Entry, cover *Interval, ages Ages) Record {
	r.Covered = slices.Clone(r.Covered)
	for _, e := range entries {
		r.Digest = r.Digest.Add(e)
	}
	r.Rows += uint64(len(entries))
	if cover != nil && r.Day != RejectedDay {
		r.Covered = Cover(r.Covered, *cover, ages)
	}
	return r
}

// Again returns the record that follows r when n events that it counts have been stored once more.
func (r Record) Again(n int) Record {
	r.Covered = slices.Clone(r.Covered)
	r.Repaired += uint64(n)
	return r
}

// Encode returns the record as JSON.
func (r Record) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if r.Covered == nil {
		r.Covered = []Interval{}
	}
	return json.Marshal(r)
}

// DayOf names the UTC day of a time.
func DayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// DaySpan returns the time of a day named YYYY-MM-DD.
func DaySpan(day string) (Span, error) {
	from, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return Span{}, fmt.Errorf("day %q: expected YYYY-MM-DD", day)
	}
	return Span{from, from.AddDate(0, 0, 1)}, nil
}

// Days names the UTC days that a span touches, oldest first.
func (s Span) Days() []string {
	var days []string
	if s.Empty() {
		return nil
	}
	for t := s.From.UTC().Truncate(24 * time.Hour); t.Before(s.Until); t = t.AddDate(0, 0, 1) {
		days = append(days, DayOf(t))
	}
	return days
}
