package schema

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/saveris"
)

// Feed is what a stream is for, as subjects and settings name it: rows of the vendor's, or what the bridge finds out itself.
type Feed string

// The feeds.
const (
	Readings Feed = "readings"
	Alarms   Feed = "alarms"
	Tasks    Feed = "tasks"
	Devices  Feed = "devices" // changes in the fleet, see FleetChange
	Health   Feed = "health"  // silence, see Silence; no setting names it
)

// RowFeeds are the feeds of the vendor's rows, in the order in which people name them.
var RowFeeds = []Feed{Readings, Alarms, Tasks}

// ClockAhead is how far the time of an event may lie ahead of its receipt, and of now: further ahead it is of a device whose clock is
// wrong, and would hide for years what comes after it.
const ClockAhead = time.Hour

// vendorFeeds are what the vendor calls them.
var vendorFeeds = map[Feed]saveris.Feed{Readings: saveris.Measurements, Alarms: saveris.Alarms, Tasks: saveris.Tasks}

// VendorFeed is what the vendor calls a feed of his rows.
func VendorFeed(feed Feed) saveris.Feed { return vendorFeeds[feed] }

// FeedOf is what the contract calls a feed of the vendor's: all but those of rows are of the fleet.
func FeedOf(vendor saveris.Feed) Feed {
	for _, feed := range RowFeeds {
		if vendorFeeds[feed] == vendor {
			return feed
		}
	}
	return Devices
}

// Lane parts what is new from what arrives late, so that nobody is woken for last year. Who publishes decides it by the
// age of the event.
type Lane string

// The lanes.
const (
	Live    Lane = "live"
	History Lane = "history"
)

// ingest ends the first token of the subjects that the bridge publishes on.
const ingest = "-ingest"

// IngestPrefix is the first token of the subjects that a bridge publishes on whose events have this prefix.
func IngestPrefix(prefix string) string { return prefix + ingest }

// Window is the half-open span of event time [From, Until) in which a row was asked for. It stands in the data of
// rejected rows only.
type Window struct{ From, Until time.Time }

// Event is one row as an event, ready to be written as a message any number of times. It keeps nothing of the row that
// it was made of. Copies share their text; an Event may be read by many goroutines. A window holds a hundred thousand of
// them, so the order of the fields leaves no gaps.
type Event struct {
	ID   string    // CloudEvents id, unescaped; of the first content until Revise
	Time time.Time // when it was measured or raised, UTC; of a rejected row: when it was read

	series *series       // what it shares with other events
	said   *said         // names and limits
	text   string        // its parts, one after the other
	Check  uint32        // CRC-32C over the row's content (contract section 6)
	ends   [parts]uint16 // where each part ends; the last one ends with the text

	Rejected bool // the row could not be an event
	kind     kind
}

// kind is what an event is about.
type kind uint8

const (
	reading kind = iota
	alarmRaised
	alarmCleared
	alarmUnknown
	task
	rejected
)

// kindTexts are the attributes that follow from the kind alone.
type kindTexts struct {
	eventType, dataSchema string
	// What stands between attributes in the JSON format of CloudEvents.
	toSubject  string // from behind the source
	toRecorded string // from behind the time
}

// kinds holds them. Types keep "saveris" whatever the prefix of the subjects.
var kinds = [...]kindTexts{
	reading:      textsOf("saveris.reading.v1", "urn:saveris-bridge:reading:v1"),
	alarmRaised:  textsOf("saveris.alarm.raised.v1", "urn:saveris-bridge:alarm:v1"),
	alarmCleared: textsOf("saveris.alarm.cleared.v1", "urn:saveris-bridge:alarm:v1"),
	alarmUnknown: textsOf("saveris.alarm.unknown.v1", "urn:saveris-bridge:alarm:v1"),
	task:         textsOf("saveris.task.v1", "urn:saveris-bridge:task:v1"),
	rejected:     textsOf("saveris.row.rejected.v1", "urn:saveris-bridge:rejected:v1"),
}

func textsOf(eventType, dataSchema string) kindTexts {
	return kindTexts{eventType, dataSchema, `","type":"` + eventType + `","subject":"`, `","datacontenttype":"` + contentType + `","dataschema":"` + dataSchema + `","recordedtime":"`}
}

// ProcessedAt is when the vendor's cloud received the row, in UTC; the zero time if the row does not say.
func (e *Event) ProcessedAt() time.Time {
	stamp := ""
	if e.inPieces() {
		stamp = e.part(partReceived)
	} else {
		members := e.dataMembers()
		stamp = cmp.Or(members.ReceivedAt, members.ProcessedAt)
	}
	at, _ := new(clock).read([]byte(stamp))
	return at
}

// Reason says why a row was rejected; it is empty for other events.
func (e *Event) Reason() string {
	if !e.Rejected {
		return ""
	}
	return e.dataMembers().Reason
}

// dataMembers reads what is rarely asked for out of the data.
func (e *Event) dataMembers() (d struct {
	ReceivedAt  string `json:"received_at"`
	ProcessedAt string `json:"processed_at"` // of a task
	Reason      string `json:"reason"`
}) {
	_ = json.Unmarshal(e.AppendData(nil), &d, jsontext.AllowDuplicateNames(true)) // it is ours; null leaves a text empty
	return d
}

// Day names the page that the event belongs to: its UTC day as YYYY-MM-DD, or "rejected".
func (e Event) Day() string {
	if e.Rejected {
		return "rejected"
	}
	return e.part(partTime)[:len(time.DateOnly)]
}

// Revise returns the event as a correction of an event that was stored with other content under the same id: an id of its
// own, which names this content, and the attribute revises with the first id. Revising twice is revising once.
func (e Event) Revise() Event {
	if !e.Correction() {
		e.ID += fmt.Sprintf("~%08x", e.Check)
	}
	return e
}

// Correction reports whether the event revises an earlier one.
func (e *Event) Correction() bool { return len(e.ID) > len(e.part(partID)) }

// Ingest is the NATS subject on which the event is published: the stream stores it on Subject. A rejected row has no lane.
func (e *Event) Ingest(lane Lane) string {
	if lane == History {
		return e.series.history
	}
	return e.series.live
}

// Subject is the NATS subject on which the event is stored, and read.
func (e *Event) Subject(lane Lane) string {
	prefix, rest, _ := strings.Cut(e.Ingest(lane), ingest+".")
	return prefix + "." + rest
}

// Size is about how many bytes the event takes as a message, subject and headers included.
func (e *Event) Size() int {
	n := headerSize + len(e.series.live) + e.headerText() - len(e.headerID()) + e.dataSize()
	if e.Correction() {
		n += len(e.firstID())
	}
	return n
}

// headerText is how many bytes of headers are the event's own, with the id once more as if it were a correction.
func (e *Event) headerText() int {
	s := e.series
	return 2*len(e.headerID()) + len(e.part(partTime)) + len(s.source) + len(s.subject) + len(s.partitionKey) + len(e.cause())
}

// fits reports whether the broker takes the event. Names and limits do not count, for they change: the same row must not be an
// event once and rejected the next time.
func (e *Event) fits() bool {
	own := int(e.ends[partTime])
	if !e.inPieces() {
		own = int(e.ends[partCause])
	}
	return own+e.dataSize()-e.said.size() <= maxText && e.headerText() <= maxHeader
}
