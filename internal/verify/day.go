package verify

import (
	"time"

	"saveris-bridge/internal/checkpoint"
)

// Day is what was found about one feed's day, or about its page of rows that cannot be events. Counts are of the part of
// the day that lies in the range, except those of the record. It is the JSON object that auditors get.
type Day struct {
	Feed string `json:"feed"`
	Day  string `json:"day"` // YYYY-MM-DD, or "rejected"

	VendorRows   uint64            `json:"vendor_rows"`   // distinct rows that the vendor shows now
	VendorDigest checkpoint.Digest `json:"vendor_digest"` // of the index entries that they have, or should have
	Stored       uint64            `json:"stored"`        // events that stand in the stream and in the index, corrections included
	Corrections  uint64            `json:"corrections"`   // of those
	Digest       checkpoint.Digest `json:"digest"`        // of the index entries of Stored

	RecordRows   uint64            `json:"record_rows"` // of the whole day, as its record says
	RecordDigest checkpoint.Digest `json:"record_digest"`
	Removed      uint64            `json:"removed"` // of those, what retention has removed: nothing can be proven of it

	Missing    uint64 `json:"missing"`    // rows without an event
	Unread     uint64 `json:"-"`          // of those, rows of time that is not covered: nobody has asked for them yet
	Gone       uint64 `json:"-"`          // of those, rows whose events the index lists and somebody has removed
	Changed    uint64 `json:"changed"`    // rows that are stored with other content, and this content is not stored
	Unexpected uint64 `json:"unexpected"` // events that no row accounts for
	Doubled    uint64 `json:"doubled"`    // events whose id is there already
	BadIndex   uint64 `json:"bad_index"`  // entries that do not say what stands in the stream, and records that do not say what the index does

	Proven      bool         `json:"proven"` // all of these are 0
	Differences []Difference `json:"differences"`
}

// Difference is one thing that keeps a day from being proven.
type Difference struct {
	Kind     Kind       `json:"kind"`
	ID       string     `json:"id,omitempty"`
	Time     *time.Time `json:"time,omitempty"`    // of the event
	Subject  string     `json:"subject,omitempty"` // sensor and channel, as in the event's attribute
	Sequence uint64     `json:"sequence,omitempty"`
	Why      string     `json:"why"`

	unread, gone bool
}

// Kind says which count of Day a difference belongs to.
type Kind string

// The kinds of differences.
const (
	Missing    Kind = "missing"
	Changed    Kind = "changed"
	Unexpected Kind = "unexpected"
	Doubled    Kind = "doubled"
	BadIndex   Kind = "bad_index"
)

// Total is how many differences there are, kept by name or not.
func (d *Day) Total() uint64 { return d.Missing + d.Changed + d.Unexpected + d.Doubled + d.BadIndex }

func (d *Day) count(diff Difference) {
	if diff.unread {
		d.Unread++
	}
	if diff.gone {
		d.Gone++
	}
	switch diff.Kind {
	case Missing:
		d.Missing++
	case Changed:
		d.Changed++
	case Unexpected:
		d.Unexpected++
	case Doubled:
		d.Doubled++
	case BadIndex:
		d.BadIndex++
	}
}
