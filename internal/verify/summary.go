package verify

import (
	"fmt"
	"strings"
	"time"

	"saveris-bridge/internal/hint"
)

// Summary is what was found of a range: sums over all its days and feeds. It is the last JSON object that auditors get.
type Summary struct {
	Summary     bool      `json:"summary"` // true, which tells it from a Day
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
	Feeds       []string  `json:"feeds"`
	Days        int       `json:"days"`
	VendorRows  uint64    `json:"vendor_rows"`
	Stored      uint64    `json:"stored"`
	Corrections uint64    `json:"corrections"`
	Missing     uint64    `json:"missing"`
	Changed     uint64    `json:"changed"`
	Unexpected  uint64    `json:"unexpected"`
	Doubled     uint64    `json:"doubled"`
	BadIndex    uint64    `json:"bad_index"`
	Unnamed     uint64    `json:"unnamed"` // differences that are counted but not kept by name
	Proven      bool      `json:"proven"`  // all of these are 0

	unread, gone uint64 // of those that are missing, as in a Day
}

// NewSummary begins the summary of a range, of which nothing differs yet.
func NewSummary(from, until time.Time, feeds []string) *Summary {
	return &Summary{Summary: true, From: from, Until: until, Feeds: feeds, Proven: true}
}

// Add adds a day.
func (s *Summary) Add(d Day) {
	s.Days++
	s.VendorRows += d.VendorRows
	s.Stored += d.Stored
	s.Corrections += d.Corrections
	s.Missing += d.Missing
	s.unread += d.Unread
	s.gone += d.Gone
	s.Changed += d.Changed
	s.Unexpected += d.Unexpected
	s.Doubled += d.Doubled
	s.BadIndex += d.BadIndex
	s.Unnamed += d.Total() - uint64(len(d.Differences))
	s.Proven = s.Proven && d.Total() == 0
}

// Err returns nil where the range is proven, else an error with what to do about the differences.
func (s *Summary) Err() error {
	if s.Proven {
		return nil
	}
	err := fmt.Errorf("NOT proven: %d rows are missing or changed, %d events or entries are unexpected, doubled or wrong", s.Missing+s.Changed, s.other())
	return &hint.Error{Err: err, Code: hint.Failed, Hint: s.advice()}
}

func (s *Summary) other() uint64 { return s.Unexpected + s.Doubled + s.BadIndex }

func (s *Summary) advice() string {
	fill := fmt.Sprintf("bridge backfill --from %s --until %s --feeds %s", s.From.Format(time.RFC3339Nano), s.Until.Format(time.RFC3339Nano), strings.Join(s.Feeds, ","))
	switch {
	case s.gone > 0:
		return fill + " --repair puts back what was removed; verify again then, and ask who deletes from the streams"
	case s.other() > 0:
		return "unexpected, doubled or wrong entries do not heal by themselves: keep the list (--json), and ask who else writes to or deletes from the streams"
	case s.unread > 0:
		return fill + " reads what is not covered; verify again then"
	}
	return "bridge run reads again at the ages of BRIDGE_REVISIT and stores what is late or changed; verify again then. What it does not cover, or has passed the last age, it leaves alone"
}
