package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FleetKind is a kind of thing in the fleet, as subjects and types name it.
type FleetKind string

// The kinds, in the order in which a look reads them.
const (
	KindTenant          FleetKind = "tenant"
	KindLocation        FleetKind = "location"
	KindEquipment       FleetKind = "equipment"
	KindDevice          FleetKind = "device"
	KindDeviceStatus    FleetKind = "device_status"
	KindSensorStatus    FleetKind = "sensor_status"
	KindMeasuringObject FleetKind = "measuring_object"
)

// FleetKinds are all of them.
var FleetKinds = []FleetKind{KindTenant, KindLocation, KindEquipment, KindDevice, KindDeviceStatus, KindSensorStatus, KindMeasuringObject}

// FleetChange is a change of one thing of the fleet: that it is there, that it is another than before, or that it is gone.
type FleetChange struct {
	Kind     FleetKind
	Tenant   string   // the vendor's account, empty where it is not known
	Key      string   // a token: tells the thing apart from others of its kind
	Document []byte   // the thing, JSON in one line; of what is removed, as it was last
	Hash     string   // of what of the document counts as a change
	Changed  []string // JSON pointers into the document; none where the thing is new
	Removed  bool
	Before   uint64    // sequence of the newest message on the subject, 0 for none
	LookedAt time.Time // by the vendor's clock
}

// ID returns the CloudEvents id: the same for whoever makes the same change of what was there before, and no other's.
func (c *FleetChange) ID() string {
	return string(c.Kind) + "." + c.Key + "." + c.Hash + "." + strconv.FormatUint(c.Before, 10)
}

// Subject is the NATS subject on which the change is stored, and read.
func (c *FleetChange) Subject(prefix string) string {
	return prefix + ".devices." + string(c.Kind) + "." + Token(c.Tenant) + "." + c.Key
}

// Ingest is the NATS subject on which the change is published: the stream gives it the Subject.
func (c *FleetChange) Ingest(prefix string) string { return c.Subject(IngestPrefix(prefix)) }

// Follows is the sequence of the newest message on the subject, 0 for none.
func (c *FleetChange) Follows() uint64 { return c.Before }

// AppendData appends the data of the event.
func (c *FleetChange) AppendData(b []byte) []byte {
	b = append(append(b, `{"kind":"`...), c.Kind...)
	b = append(append(b, `","key":"`...), c.Key...)
	b = append(append(b, `","document":`...), c.Document...)
	b = append(b, `,"changed":[`...)
	for i, pointer := range c.Changed {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, []byte(pointer))
	}
	b = append(b, `],"removed":`...)
	return append(strconv.AppendBool(b, c.Removed), '}')
}

// Message returns the event as a message in a content mode: headers and body. BaseURL is the vendor's address without the
// version part, recorded is when the bridge builds the message.
func (c *FleetChange) Message(mode Mode, baseURL string, recorded time.Time) (header map[string][]string, body []byte) {
	what := "changed"
	if c.Removed {
		what = "removed"
	}
	return Message(mode, map[string]string{
		"specversion":     specVersion,
		"id":              c.ID(),
		"source":          sourceOf(baseURL, c.Tenant),
		"type":            "saveris." + string(c.Kind) + "." + what + ".v1",
		"subject":         string(c.Kind) + "/" + c.Key,
		"time":            rfc3339(c.LookedAt),
		"datacontenttype": contentType,
		"dataschema":      "urn:saveris-bridge:" + string(c.Kind) + ":v1",
		"recordedtime":    rfc3339(recorded),
	}, c.AppendData(nil))
}

// StoredFleetChange is what a stored change says of itself. Document and Data are parts of the message's body.
type StoredFleetChange struct {
	ID       string
	Kind     FleetKind
	Key      string
	Document []byte
	Changed  []string
	Removed  bool
	At       time.Time // when it was looked at, by the vendor's clock
	Data     []byte    // of the event
}

// Stored returns what a change says of itself once it is stored, but its data.
func (c *FleetChange) Stored() StoredFleetChange {
	return StoredFleetChange{ID: c.ID(), Kind: c.Kind, Key: c.Key, Document: c.Document, Changed: c.Changed, Removed: c.Removed, At: c.LookedAt}
}

// ReadFleetChange reads the message that is stored on a subject, in either content mode. It fails where that is no change of the fleet, one
// that belongs on another subject, or one whose document is none of its kind.
func ReadFleetChange(subject string, header map[string][]string, body []byte) (StoredFleetChange, error) {
	attributes, data, err := Unwrap(header, body)
	if err != nil {
		return StoredFleetChange{}, err
	}
	c, err := readFleetData(data)
	if err != nil {
		return StoredFleetChange{}, fmt.Errorf("data of a change of the fleet: %w", err)
	}
	tokens := strings.Split(subject, ".")
	n := len(tokens)
	if n < 5 || tokens[n-4] != string(Devices) || tokens[n-3] != string(c.Kind) || tokens[n-1] != c.Key || !slices.Contains(FleetKinds, c.Kind) {
		return StoredFleetChange{}, fmt.Errorf("%s has no %q with the key %q", subject, c.Kind, c.Key)
	}
	c.ID, c.At, c.Data = attributes["id"], readTime(attributes["time"]), data
	if !strings.HasPrefix(c.ID, string(c.Kind)+"."+c.Key+".") || c.At.IsZero() {
		return StoredFleetChange{}, fmt.Errorf("%s has an event %q at %q, which is no change of the fleet", subject, c.ID, attributes["time"])
	}
	tenant, err := readFleetDocument(c.Kind, c.Document)
	if err == nil && Token(tenant) != tokens[n-2] {
		err = fmt.Errorf("it is one of the tenant %q", tenant)
	}
	if err != nil {
		return StoredFleetChange{}, fmt.Errorf("document of the change on %s: %w", subject, err)
	}
	return c, nil
}
