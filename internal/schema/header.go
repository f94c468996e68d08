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

// Header fills h with the event's attributes as the NATS protocol binding of CloudEvents writes them. It reuses the
// slices that are in h, removes attributes that this event lacks, and leaves all other keys alone. Recorded is when the
// bridge built the message. From the second event on, h costs no allocation as long as recorded stays the same.
func (e *Event) Header(h map[string][]string, lane Lane, recorded time.Time) {
	if e.Rejected {
		lane = ""
	}
	set(h, keySpecVersion, specVersion)
	set(h, keyID, e.headerID())
	set(h, keySource, e.series.source)
	set(h, keyType, kinds[e.kind].eventType)
	set(h, keySubject, e.series.subject)
	set(h, keyTime, e.part(partTime))
	set(h, keyContentType, contentType)
	set(h, keyDataSchema, kinds[e.kind].dataSchema)
	set(h, keyRecordedTime, e.series.recorder.text(recorded))
	set(h, keyPartitionKey, e.series.partitionKey)
	set(h, keyLane, string(lane))
	revises := ""
	if e.Correction() {
		revises = e.firstID()
	}
	set(h, keyRevises, revises)
	set(h, keyCausationID, e.cause())
}

// set gives a key one value; without a value the key goes.
func set(h map[string][]string, key, value string) {
	switch old := h[key]; {
	case value == "":
		if old != nil {
			delete(h, key)
		}
	case len(old) == 1:
		old[0] = value
	default:
		h[key] = []string{value}
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
