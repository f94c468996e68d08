package schema

import (
	"crypto/sha256"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AlarmEvent is a stored event of an alarm, as far as pairing and people look at it. Texts are the vendor's, cut where they
// are longer than any name is. Times are UTC.
type AlarmEvent struct {
	ID  string // of the event; that of a correction ends with ~ and its check
	Seq uint64 // where the stream holds it

	Tenant, Site, Serial, Severity, Kind, Condition, Quantity, Reason string

	Name, SiteName string // what people call them; empty where that is not known

	Value     string // the literal; empty for null
	Unit      string // the vendor's where it has no code
	RaisedAt  time.Time
	ChangedAt time.Time // when the status became what it is; RaisedAt where the row has none
	Received  time.Time // by the vendor's cloud; zero where the row has none

	first      digest // of the id of the first content: its corrections have the same
	row        digest // of the uuid, or of what stands in its place
	ended      digest // of the uuid that it names as ended, zero for none
	series     digest // of what it shares with the events that it may be paired with
	transition transition
	again      bool // it is a correction
}

// digest is the beginning of the SHA-256 of a text: what is remembered of texts that are only compared.
type digest [16]byte

func digestOf(text []byte) (d digest) {
	sum := sha256.Sum256(text)
	copy(d[:], sum[:])
	return d
}

// transition is what an event means for its alarm.
type transition uint8

const (
	transitionNone transition = iota
	transitionBegin
	transitionEnd
)

// Ends reports whether the event is the end of an alarm.
func (e *AlarmEvent) Ends() bool { return e.transition == transitionEnd }

// transitionOf reads the reason before the state: the vendor has three that end an alarm, whatever the status next to them says.
// A status that is Unknown without one of them changes nothing.
func transitionOf(state, reason string) transition {
	switch string(appendFolded(nil, reason)) {
	case "alarm condition is adhered", "the alarm condition does no longer exist", "the time period for alarm supervision has ended":
		return transitionEnd
	}
	switch state {
	case "raised":
		return transitionBegin
	case "cleared":
		return transitionEnd
	}
	return transitionNone
}

// alarmText is the data of an alarm's event; null leaves a text empty.
type alarmText struct {
	UUID      string `json:"uuid"`
	Tenant    string `json:"tenant"`
	Site      string `json:"site"`
	State     string `json:"state"`
	Severity  string `json:"severity"`
	Kind      string `json:"kind"`
	Condition string `json:"condition"`
	Reason    string `json:"reason"`
	Sensor    struct {
		Serial string `json:"serial_no"`
	} `json:"sensor"`
	Source     string         `json:"alarm_source"`
	Ended      string         `json:"source_alarm_event"`
	Quantity   string         `json:"quantity"`
	Extension  string         `json:"extension"`
	Value      jsontext.Value `json:"value"`
	Unit       string         `json:"unit"`
	VendorUnit string         `json:"vendor_unit"`
	RaisedAt   string         `json:"raised_at"`
	ChangedAt  string         `json:"status_changed_at"`
	Received   string         `json:"received_at"`
	Names      PlaceNames     `json:"names"`
}

// ReadAlarm reads an alarm's event: its id, its sequence in the stream, and its data. It reports whether it is one.
func ReadAlarm(id string, seq uint64, data []byte) (e AlarmEvent, ok bool) {
	var d alarmText
	if json.Unmarshal(data, &d, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil { // a column that we do not know may hold anything
		return e, false
	}
	e = AlarmEvent{ // it outlives the message: a text of a header holds all headers
		ID: strings.Clone(shortText(id)), Seq: seq, Tenant: shortText(d.Tenant), Site: shortText(d.Site), Serial: shortText(d.Sensor.Serial), Severity: shortText(d.Severity),
		Kind: shortText(d.Kind), Condition: shortText(d.Condition), Quantity: shortText(d.Quantity), Reason: shortText(d.Reason), Unit: shortText(d.Unit),
		Name: shortText(d.Names.Label()), SiteName: shortText(d.Names.Site),
		RaisedAt: readTime(d.RaisedAt), ChangedAt: readTime(d.ChangedAt), Received: readTime(d.Received),
		transition: transitionOf(d.State, d.Reason),
	}
	if d.Value.Kind() == '0' {
		e.Value = shortText(string(d.Value))
	}
	if d.Unit == "" {
		e.Unit = shortText(d.VendorUnit)
	}
	if e.ChangedAt.IsZero() {
		e.ChangedAt = e.RaisedAt
	}
	e.identify(id, &d)
	return e, !e.RaisedAt.IsZero()
}

// identify fills in what the event is compared by.
func (e *AlarmEvent) identify(id string, d *alarmText) {
	first := firstOf(id)
	e.again = len(first) < len(id)
	e.first = digestOf([]byte(first))
	e.row = digestOf(appendFolded(nil, d.UUID))
	if blank([]byte(d.UUID)) {
		e.row = digestOf([]byte(rowOfID(first)))
	}
	if e.transition == transitionEnd && !blank([]byte(d.Ended)) {
		if e.ended = digestOf(appendFolded(nil, d.Ended)); e.ended == e.row {
			e.ended = digest{}
		}
	}
	e.series = seriesOf(d)
}

// firstOf is the id of the first content: <id>~<8 hex digits> is one of its corrections.
func firstOf(id string) string {
	cut := len(id) - len("~01234567")
	if cut > 0 && id[cut] == '~' && strings.Trim(id[cut+1:], "0123456789abcdef") == "" {
		return id[:cut]
	}
	return id
}

// rowOfID is the part of an event's id that is the same for all changes of a row: <row>.<status>.<time>.
func rowOfID(id string) string {
	for range 2 {
		if i := strings.LastIndexByte(id, '.'); i > 0 {
			id = id[:i]
		}
	}
	return id
}

// seriesOf is what an end without a name shares with its beginning. The bands of a channel are two series. Unknown is as good
// as nothing: the vendor writes it where he has no extension.
func seriesOf(d *alarmText) digest {
	serial, extension := d.Sensor.Serial, d.Extension
	if blank([]byte(serial)) {
		serial = d.Source
	}
	if strings.EqualFold(strings.TrimSpace(extension), "unknown") {
		extension = ""
	}
	key := make([]byte, 0, 256)
	for _, text := range [...]string{d.Tenant, d.Site, serial, d.Condition, d.Severity, d.Quantity, extension} {
		key = append(appendFolded(key, text), separator)
	}
	return digestOf(key)
}

// appendFolded appends the text in lower case, with one blank for blanks and underscores in it and none around it: the
// vendor has used both, and has changed the case of words.
func appendFolded(b []byte, text string) []byte {
	gap := false
	for _, c := range text {
		if c == '_' || unicode.IsSpace(c) {
			gap = true
			continue
		}
		if gap && len(b) > 0 && b[len(b)-1] != separator {
			b = append(b, ' ')
		}
		gap = false
		b = append(b, string(unicode.ToLower(c))...)
	}
	return b
}

// readTime reads a time as data has it; the zero time where that is none.
func readTime(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// longestAlarmText is how many bytes of a text are remembered.
const longestAlarmText = 200

// shortText cuts a text, never inside of a character.
func shortText(text string) string {
	if len(text) <= longestAlarmText {
		return text
	}
	return strings.Clone(strings.ToValidUTF8(text[:longestAlarmText], "")) + "…"
}
