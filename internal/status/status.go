package status

import (
	"encoding/json"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Status is the state of the checkpoints and the backfills at a moment. All times are UTC.
type Status struct {
	At        time.Time  `json:"at"` // by the clock of whoever asks
	Feeds     []Feed     `json:"feeds"`
	Vendor    []Note     `json:"vendor"`    // what running bridges have found out about the vendor, oldest first
	Bridge    []Note     `json:"bridge"`    // and about themselves, likewise
	Backfills []Backfill `json:"backfills"` // newest first: those that run, and those whose last state is remembered
	Silent    []Silence  `json:"silent"`    // channels that should have been heard and were not, newest first
	Fleet     *Fleet     `json:"fleet"`     // nil where nothing is known of it

	// LeftOut are feeds that are stored too, and that whoever asked has left out of Feeds, as far as he has looked for them.
	LeftOut []schema.Feed `json:"left_out,omitempty"`

	NoBridge bool       `json:"no_bridge"` // no bridge has held a lease to poll for 20 s, or none can run
	fleet    bool       // the feed of the fleet is run, which has no checkpoints
	Heard    *time.Time `json:"heard_at"` // when the last bridge was seen to poll, by our clock; nil where that is not known
}

// Backfill is the last published state of a backfill.
type Backfill struct {
	schema.Backfill
	ToldAt time.Time `json:"told_at"` // when NATS stored it
}

// Running reports whether the backfill has not published that it ended. One that was killed has not either: its last state is old.
func (b Backfill) Running() bool {
	return b.Phase == schema.BackfillStarted || b.Phase == schema.BackfillProgress
}

// Feed is how one feed stands. A pointer is nil where nothing is known yet.
type Feed struct {
	Feed         schema.Feed       `json:"feed"`
	Since        *time.Time        `json:"since"`         // from when on `run` answers for gaps
	CoveredUntil *time.Time        `json:"covered_until"` // end of the newest covered interval
	ReadAt       *time.Time        `json:"read_at"`       // the last poll: when what ends last was read, by the vendor's clock
	Newest       *time.Time        `json:"newest"`        // time of the newest event that is stored
	Writer       string            `json:"writer"`        // who wrote the newest record
	Account      string            `json:"account"`       // whose coverage it is, of the newest record; empty where it names none
	Leader       string            `json:"leader"`        // who polls, where a lease names him
	Export       *Export           `json:"late_export"`   // that is waited for
	Rows         uint64            `json:"rows"`          // events stored, of all days
	Late         uint64            `json:"late"`          // of these, those that came after their time had been read
	Rejected     uint64            `json:"rejected"`      // rows that could not be events
	RejectedAt   *time.Time        `json:"rejected_at"`   // when the newest of them was read
	Gaps         []checkpoint.Span `json:"gaps"`          // between since and covered_until, oldest first
	Partly       []Day             `json:"partly_read"`   // days before that of covered_until that have not been read completely, oldest first
	Lateness     *Lateness         `json:"lateness"`
	Days         []Day             `json:"days"` // with a record, oldest first
}

// Lateness is how long events were under way, measured over the newest ones that are stored.
type Lateness struct {
	Events  int       `json:"events"`  // measured
	Arrival Quantiles `json:"arrival"` // from measuring to the vendor's cloud, in seconds
	Storing Quantiles `json:"storing"` // from there to the stream, in seconds
}

// Quantiles are in seconds.
type Quantiles struct {
	Median float64 `json:"median"`
	P95    float64 `json:"p95"`
	Max    float64 `json:"max"`
}

// Day is one UTC day of a feed.
type Day struct {
	Day     string    `json:"day"`     // YYYY-MM-DD
	Covered float64   `json:"covered"` // share of the day that has been read completely, 0 to 1
	Rows    uint64    `json:"rows"`
	Late    uint64    `json:"late"`
	ReadAt  time.Time `json:"read_at"` // the newest read; zero where nothing of the day is covered
}

// Recent is what the streams have stored of late. All text of it is the vendor's: whoever shows it has to escape it.
type Recent struct {
	Sensors []Sensor `json:"sensors"` // silent ones first, then by site, serial number and channel
	Known   int      `json:"known"`   // sensors' channels that are known, of which Sensors may show a part
	Silent  int      `json:"silent"`  // of these, those that are silent
	Gone    int      `json:"gone"`    // likewise, those that belong to no device that is there now
	Alarms  []Alarm  `json:"alarms"`  // open, newest first
	Open    int      `json:"open"`    // alarms that are open, of which Alarms may show a part
	Severe  int      `json:"severe"`  // of these, those of severity alarm
	Rejects []Reject `json:"rejects"` // newest first

	AlarmsSince *time.Time `json:"alarms_since"` // alarms that were raised before are not known; nil where none is
}

// Sensor is one quantity of one channel, with its newest readings.
type Sensor struct {
	Tenant   string  `json:"tenant"`
	Site     string  `json:"site"`
	Serial   string  `json:"serial"`
	Name     string  `json:"name"` // what people call the channel, and its site; empty where that is not known
	SiteName string  `json:"site_name"`
	Channel  string  `json:"channel"`
	Quantity string  `json:"quantity"`
	Unit     string  `json:"unit"`
	Silent   bool    `json:"silent"` // its readings have not come for longer than they should
	Gone     bool    `json:"gone"`   // it belongs to no device that is there now
	Limits   *Limits `json:"limits"` // that its newest reading has; nil where there are none
	Points   []Point `json:"points"` // oldest first
}

// Limits are those between which all is well, in the unit of the channel: of a warning, else of an alarm. Nil is none.
type Limits struct {
	Low  *json.Number `json:"low"`
	High *json.Number `json:"high"`
}

// Point is one reading; the value is null where the vendor sent none.
type Point struct {
	At    time.Time    `json:"at"`
	Value *json.Number `json:"value"`
}

// Alarm is one that was raised and has not been cleared since, however long ago that was.
type Alarm struct {
	ID        string       `json:"id"` // of the event that raised it
	At        time.Time    `json:"at"`
	Tenant    string       `json:"tenant"`
	Site      string       `json:"site"`
	Serial    string       `json:"serial"`
	Name      string       `json:"name"` // what people call the place, and its site; empty where that is not known
	SiteName  string       `json:"site_name"`
	Severity  string       `json:"severity"`
	Text      string       `json:"text"` // for people: schema.AlarmEvent.Text
	Condition string       `json:"condition"`
	Reason    string       `json:"reason"`
	Quantity  string       `json:"quantity"`
	Value     *json.Number `json:"value"`
	Unit      string       `json:"unit"`
}

// Severe counts alarms that are not only warnings.
func Severe(open []Alarm) (n int) {
	for _, a := range open {
		if a.Severity == "alarm" {
			n++
		}
	}
	return n
}

// Reject is a row that could not be an event.
type Reject struct {
	Feed   schema.Feed `json:"feed"`
	At     time.Time   `json:"at"` // when it was read
	Reason string      `json:"reason"`
	Row    string      `json:"row"` // raw text, cut
}
