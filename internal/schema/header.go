package schema

import (
	"sync/atomic"
	"time"
)

// Names of headers. They are lower case, and maps of them are written by index: http.Header.Set would change them.
const (
	keySpecVersion  = "ce-specversion"
	keyID           = "ce-id"
	keySource       = "ce-source"
	keyType         = "ce-type"
	keySubject      = "ce-subject"
	keyTime         = "ce-time"
	keyContentType  = "ce-datacontenttype"
	keyDataSchema   = "ce-dataschema"
	keyRecordedTime = "ce-recordedtime"
	keyPartitionKey = "ce-partitionkey"
	keyLane         = "ce-lane"
	keyRevises      = "ce-revises"
	keyCausationID  = "ce-causationid"
)

const (
	specVersion = "1.0"
	contentType = "application/json"
	// headerSize is about how many bytes the headers of an event take besides what is in its own text and series.
	headerSize = 280
)

// attributeKeys are the headers of an event, in the order of attributeValues.
var attributeKeys = [...]string{
	keySpecVersion, keyID, keySource, keyType, keySubject, keyTime, keyContentType, keyDataSchema, keyRecordedTime,
	keyPartitionKey, keyLane, keyRevises, keyCausationID,
}

// attributeValues are an event's attributes as they stand in headers; what the event lacks is empty.
type attributeValues [len(attributeKeys)]string

func (e *Event) values(lane Lane, recorded time.Time) attributeValues {
	if e.Rejected {
		lane = ""
	}
	revises := ""
	if e.Correction() {
		revises = e.firstID()
	}
	return attributeValues{
		specVersion, e.headerID(), e.series.source, kinds[e.kind].eventType, e.series.subject, e.part(partTime), contentType,
		kinds[e.kind].dataSchema, e.series.recorder.text(recorded), e.series.partitionKey, string(lane), revises, e.cause(),
	}
}

// Header fills h with the event's attributes as the NATS protocol binding of CloudEvents writes them, removes those that
// this event lacks, and leaves all other keys alone. Recorded is when the bridge built the message.
func (e *Event) Header(h map[string][]string, lane Lane, recorded time.Time) {
	for i, value := range e.values(lane, recorded) {
		if value == "" {
			delete(h, attributeKeys[i])
			continue
		}
		h[attributeKeys[i]] = []string{value}
	}
}

// Headers writes the headers of one message after the other into one map, which may hold other keys too. It costs no
// allocation as long as recorded stays the same. It serves one goroutine.
type Headers struct {
	Map    map[string][]string
	values [len(attributeKeys)][1]string // the map's slices lead here
	there  [len(attributeKeys)]bool      // in the map
}

// Set does what Header does. Nobody else may change the attributes of the map.
func (h *Headers) Set(e *Event, lane Lane, recorded time.Time) {
	for i, value := range e.values(lane, recorded) {
		h.values[i][0] = value
		if there := value != ""; there != h.there[i] {
			if h.there[i] = there; there {
				h.Map[attributeKeys[i]] = h.values[i][:]
			} else {
				delete(h.Map, attributeKeys[i])
			}
		}
	}
}

// recorder writes the time of recording, which a whole batch of messages has alike.
type recorder struct{ last atomic.Pointer[stamp] }

type stamp struct {
	time time.Time
	text string
}

func (r *recorder) text(t time.Time) string {
	last := r.last.Load()
	if last == nil || last.time != t {
		last = &stamp{t, rfc3339(t)}
		r.last.Store(last)
	}
	return last.text
}
