package schema

import (
	"crypto/sha256"
	stdjson "encoding/json"
	"fmt"
	"hash/crc32"
	"math/big"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/saveris"
)

// message is an event as it goes over the wire, without what the caller of Header decides.
type message struct {
	id, subject, day, data string
	check                  uint32
	header                 map[string]string // attribute to value, not yet percent-encoded
	rejected               bool
}

// reference makes an event the slow and plain way, sharing no code with the Maker but the structs of the data: columns
// in a map, times through time.Parse, numbers through encoding/json, subjects through regular expressions.
func reference(feed Feed, row *saveris.Row, w Window, readAt time.Time) message {
	if row.Err != nil {
		return refRejected(feed, row, w, readAt)
	}
	if feed == Tasks {
		return refTask(row, w, readAt)
	}
	r := refRead(feed, row)
	if r.text["time"] == "" || refBlank(r.text["uuid"]) && refBlank(r.text["sensor"]) && (feed == Readings || refBlank(r.text["serial"])) {
		return refRejected(feed, row, w, readAt)
	}
	var m message
	if feed == Readings {
		m = r.reading()
	} else {
		m = r.alarm()
	}
	m.day = r.text["time"][:10]
	m.header["time"] = r.text["time"]
	m.header["id"] = m.id
	m.header["source"] = "https://vendor.example/base/tenants/" + url.PathEscape(refOr(r.text["tenant"], "_"))
	if m.tooLong() {
		return refRejected(feed, row, w, readAt)
	}
	return m
}

func (m message) tooLong() bool {
	own := refPercent(m.id)
	text := len(m.data) - len(`,"names":null,"limits":null`) + len(m.id) + len(m.header["time"]) + len(refPercent(m.header["causationid"]))
	if own != m.id {
		text += len(own)
	}
	header := 2*len(own) + len(m.header["time"])
	for _, name := range []string{"source", "subject", "partitionkey", "causationid"} {
		header += len(refPercent(m.header[name]))
	}
	return text > 512*1024 || header > 60_000
}

const refBase = "https://vendor.example/base"

type refRow struct {
	text    map[string]string
	other   []string
	changed string
}

var refNames = map[Feed]map[string]string{
	Readings: {
		"uuid": "uuid", "sensor_uuid": "sensor", "channel_no": "channel", "serial_no": "serial", "serial_number": "serial", "sensor_serial_no": "serial",
		"model_code": "model", "tenant_uuid": "tenant", "customer_site": "site", "customer_site_uuid": "site", "timestamp": "time", "timestamp_local": "local",
		"measurement": "value", "measurement_value": "value", "physical_property_name": "property", "physical_unit": "unit",
		"physical_extension": "extension", "processed_at": "received",
	},
	Alarms: {
		"uuid": "uuid", "alarm_reason": "reason", "alarm_status": "status", "last_status_change_time": "changed", "alarm_condition_type": "condition",
		"alarm_severity": "severity", "alarm_time": "time", "alarm_time_local": "local", "alarm_value": "value", "physical_unit": "unit",
		"physical_value": "property", "physical_property_name": "property", "physical_value_extension": "extension", "physical_extension": "extension",
		"alarm_source_uuid": "sensor", "serial_no": "serial", "serial_number": "serial", "sensor_serial_no": "serial", "tenant_uuid": "tenant",
		"customer_site": "site", "customer_site_uuid": "site", "alarm_type": "kind", "source_alarm_event_uuid": "cause", "processed_at": "received",
	},
}

func refRead(feed Feed, row *saveris.Row) refRow {
	r := refRow{text: map[string]string{}}
	taken := map[string]bool{}
	for _, f := range row.Fields {
		name := refColumn(feed, f.Name)
		if name != "" && (f.Kind == saveris.Null || len(f.Text) == 0) {
			continue
		}
		text, ok := refText(name, f)
		if ok && text == "" && name != "" {
			continue
		}
		if name == "changed" && !ok && r.changed == "" {
			r.changed = refUTF8(string(f.Text))
		}
		if old, there := r.text[name]; ok && name != "" && (!there || old == text) {
			r.text[name] = text
			if name != "severity" || there || refWord(text, "alarm", "warning", "unknown") != "" {
				continue
			}
		}
		r.other = append(r.other, refMember(taken, f))
	}
	return r
}

// refColumn finds a column by its name, however that is spelled.
func refColumn(feed Feed, name string) string {
	name = refSquashed(name)
	for known, column := range refNames[feed] {
		if strings.ReplaceAll(known, "_", "") == name {
			return column
		}
	}
	return ""
}

var refUnspoken = strings.NewReplacer("_", "", "-", "", " ", "", "\t", "", "\r", "", "\n", "")

func refSquashed(name string) string {
	return refUnspoken.Replace(asciiLower(strings.TrimPrefix(name, "\ufeff")))
}

func refText(name string, f saveris.Field) (string, bool) {
	text := refUTF8(string(f.Text))
	trimmed := strings.Trim(text, " \t\r\n")
	if f.Kind != saveris.String && f.Kind != saveris.Number {
		return "", false
	}
	switch name {
	case "value":
		return trimmed, refNumber(trimmed)
	case "channel":
		return refInteger(trimmed)
	case "uuid", "tenant", "sensor", "cause":
		return refUUID(text), !refNotFinite.MatchString(refUUID(text)) && !refNothing.MatchString(refUUID(text))
	case "site":
		if refUUIDPattern.MatchString(strings.TrimSpace(text)) {
			return refUUID(text), true
		}
	case "time", "changed", "received":
		return refTime(trimmed)
	}
	return text, true
}

func refNumber(s string) bool {
	return s != "" && strings.ContainsAny(s[:1], "-0123456789") && stdjson.Valid([]byte(s)) && !strings.ContainsAny(s, " \t\r\n")
}

var refNothing = regexp.MustCompile(`^(?i:null|\\N|none|nil|undefined|0{8}(-0000){3}-0{12})$`)

var refUUIDPattern = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

var refNotFinite = regexp.MustCompile(`^[+-]?([Nn][Aa][Nn]|[Ii][Nn][Ff]([Ii][Nn][Ii][Tt][Yy])?)$`)

func refUUID(s string) string {
	s = strings.TrimSpace(s)
	if refUUIDPattern.MatchString(s) {
		return strings.ToLower(s)
	}
	return s
}

var refIntegerPattern = regexp.MustCompile(`^-?\d+(\.\d+)?([eE][+-]?\d{1,3})?$`)

func refInteger(s string) (string, bool) {
	if refNumber(s) && !strings.ContainsAny(s, ".eE") && s != "-0" {
		return s, true
	}
	number, ok := new(big.Rat).SetString(s)
	if !refIntegerPattern.MatchString(s) || !ok || !number.IsInt() {
		return "", false
	}
	text := number.Num().String()
	return text, len(strings.TrimPrefix(text, "-")) <= 20
}

var refTimePattern = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d([.,]\d+)?)?[ \t\r\n]*(?i:(z|ut|utc|gmt)|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?|([a-z0-9_+-]+(?:/[a-z0-9_+-]+)+))?( *\[([A-Za-z0-9_/+:-]{1,64})\])?$`)

func refTime(s string) (string, bool) {
	if len(s) == 13 && s[0] != '0' && refIntegerPattern.MatchString(s) && !strings.ContainsAny(s, "-.eE") {
		ms, _ := strconv.ParseInt(s, 10, 64)
		return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z"), true
	}
	p := refTimePattern.FindStringSubmatch(s)
	if p == nil {
		return "", false
	}
	seconds, fraction := ":00", ""
	if p[3] != "" {
		seconds, fraction = p[3][:3], strings.Replace(p[3][3:], ",", ".", 1)
	}
	wall, err := time.Parse(time.RFC3339, p[1]+"T"+p[2]+seconds+"Z")
	if err != nil {
		return "", false
	}
	place := p[9]
	switch {
	case p[6] != "":
		offset, _ := time.ParseDuration(p[6] + p[7] + "h" + refOr(p[8], "0") + "m")
		wall = wall.Add(-offset)
	case p[5] == "" && place == "":
		if place = p[11]; refWord(place, "z", "ut", "utc", "gmt") != "" {
			place = ""
		}
	}
	if place != "" {
		if wall, err = refMoment(wall, place); err != nil {
			return "", false
		}
	}
	if wall.Year() < 1 || wall.Year() > 9999 {
		return "", false
	}
	return wall.Format("2006-01-02T15:04:05") + fraction + "Z", true
}

// refMoment looks for the one moment at which clocks in a place show the wall time.
func refMoment(wall time.Time, name string) (time.Time, error) {
	place, err := time.LoadLocation(name)
	if err != nil || !strings.Contains(name, "/") {
		return wall, fmt.Errorf("%s is no place", name)
	}
	found := map[time.Time]bool{}
	for hour := -48; hour <= 48; hour++ {
		_, offset := wall.Add(time.Duration(hour) * time.Hour).In(place).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if at.In(place).Format(time.DateTime) == wall.Format(time.DateTime) {
			found[at] = true
		}
	}
	for at := range found {
		wall = at
	}
	if len(found) != 1 {
		return wall, fmt.Errorf("%d moments", len(found))
	}
	return wall, nil
}

// refSame is a time as it is compared.
func refSame(stamp string) string {
	if !strings.Contains(stamp, ".") {
		return stamp
	}
	return strings.TrimRight(strings.TrimRight(strings.TrimSuffix(stamp, "Z"), "0"), ".") + "Z"
}

func refMember(taken map[string]bool, f saveris.Field) string {
	name := refUTF8(f.Name)
	for n, base := 2, name; taken[name]; n++ {
		name = fmt.Sprintf("%s~%d", base, n)
	}
	taken[name] = true
	value := string(f.Text)
	switch {
	case f.Kind == saveris.Null:
		value = "null"
	case f.Kind == saveris.String || !jsontext.Value(value).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)):
		value = refQuote(refUTF8(value))
	default:
		value = refUTF8(value)
	}
	return refQuote(name) + ":" + value
}

func refQuote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (r refRow) reading() message {
	d := readingData{
		UUID: r.ptr("uuid"), Tenant: r.ptr("tenant"), Site: r.ptr("site"),
		Sensor:   sensorData{r.ptr("sensor"), r.ptr("serial"), r.ptr("model"), r.number("channel")},
		Property: r.ptr("property"), Extension: r.ptr("extension"), Value: r.number("value"), Unit: r.unit(), VendorUnit: r.ptr("unit"),
		MeasuredAt: r.text["time"], MeasuredAtLocal: r.ptr("local"), ReceivedAt: r.ptr("received"),
	}
	quantity := r.quantity(&d.Quantity)
	m := message{data: r.encode(d), header: map[string]string{
		"type": "saveris.reading.v1", "dataschema": "urn:saveris-bridge:reading:v1",
		"subject":      refPresent(r.text["serial"], "_") + "/" + refPresent(r.text["channel"], "_"),
		"partitionkey": refPresent(r.text["sensor"], ""),
	}}
	m.subject = strings.Join([]string{"pfx.readings.LANE", refToken(r.text["tenant"]), refToken(r.text["site"]), refToken(r.text["serial"]), refToken(r.text["channel"]), refToken(quantity)}, ".")
	if m.id = r.text["uuid"]; refBlank(m.id) {
		m.id = refHash(r.text["sensor"], r.text["channel"], r.text["property"], r.text["extension"], refSame(r.text["time"]))
	}
	m.check = refCheck(r.canonical(), r.unitOrVendor(), refSame(r.text["time"]))
	return m
}

func (r refRow) alarm() message {
	state := map[string]string{"alarm": "raised", "ok": "cleared", "": "unknown"}[refWord(r.text["status"], "alarm", "ok")]
	severity := refOr(refWord(r.text["severity"], "alarm", "warning"), "unknown")
	d := alarmData{
		UUID: r.ptr("uuid"), Tenant: r.ptr("tenant"), Site: r.ptr("site"), State: state, Severity: severity, Status: r.ptr("status"),
		Condition: r.ptr("condition"), Reason: r.ptr("reason"), Sensor: alarmSensorData{r.ptr("serial")},
		AlarmSource: r.ptr("sensor"), SourceAlarmEvent: r.ptr("cause"),
		Property: r.ptr("property"), Extension: r.ptr("extension"), Value: r.number("value"), Unit: r.unit(), VendorUnit: r.ptr("unit"),
		RaisedAt: r.text["time"], RaisedAtLocal: r.ptr("local"), StatusChangedAt: r.ptr("changed"), ReceivedAt: r.ptr("received"),
	}
	if kind := r.ptr("kind"); kind != nil {
		d.Kind = new(strings.ReplaceAll(*kind, "_", " "))
	}
	r.quantity(&d.Quantity)
	m := message{data: r.encode(d), header: map[string]string{
		"type": "saveris.alarm." + state + ".v1", "dataschema": "urn:saveris-bridge:alarm:v1",
		"subject":      refPresent(r.text["serial"], "_"),
		"partitionkey": refPresent(r.text["sensor"], refPresent(r.text["serial"], "")),
	}}
	if state == "cleared" {
		m.header["causationid"] = refPresent(r.text["cause"], "")
	}
	m.subject = strings.Join([]string{"pfx.alarms.LANE", refToken(r.text["tenant"]), refToken(r.text["site"]), severity, state, refToken(r.text["serial"])}, ".")
	id := r.text["uuid"]
	if refBlank(id) {
		id = refHash(r.text["sensor"], r.text["serial"], r.text["condition"], severity, refSame(r.text["time"]))
	}
	changed := r.changed
	if at := r.text["changed"]; at != "" {
		changed = strings.NewReplacer("-", "", ":", "").Replace(at[:19]) + "Z"
	}
	m.id = id + "." + strings.ToLower(strings.TrimSpace(r.text["status"])) + "." + changed
	m.check = refCheck(r.canonical(), r.unitOrVendor(), state, severity, refSame(r.text["time"]), refSame(r.text["changed"]))
	return m
}

func refRejected(feed Feed, row *saveris.Row, w Window, readAt time.Time) message {
	raw := strings.Trim(string(row.Raw), " \t\r\n")
	at := readAt.UTC().Format(time.RFC3339Nano)
	return message{
		rejected: true, id: refHash(raw), day: "rejected", subject: "pfx.rejected." + string(feed),
		check: crc32.Checksum([]byte(raw), crc32.MakeTable(crc32.Castagnoli)),
		header: map[string]string{
			"id": refHash(raw), "source": refBase, "type": "saveris.row.rejected.v1", "subject": string(feed),
			"time": at, "dataschema": "urn:saveris-bridge:rejected:v1",
		},
	}
}

func (r refRow) ptr(name string) *string {
	if text, ok := r.text[name]; ok && text != "" {
		return &text
	}
	return nil
}

func (r refRow) number(name string) jsontext.Value {
	return jsontext.Value(refOr(r.text[name], "null"))
}

func (r refRow) quantity(to **string) string {
	name := r.text["extension"]
	if refBlank(name) || refWord(name, "unknown") != "" {
		if name = r.text["property"]; refBlank(name) {
			return ""
		}
	}
	slug := notSlug.ReplaceAllString(asciiLower(name), "_")
	*to = &slug
	return slug
}

func asciiLower(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c + 32
		}
		return c
	}, s)
}

var refUnits = map[string]string{
	"°C": "Cel", "°F": "[degF]", "%rF": "%", "%RH": "%", "%": "%", "g/m³": "g/m3", "hPa": "hPa", "mbar": "mbar", "ppm": "[ppm]",
}

func (r refRow) unit() *string {
	name := strings.TrimSpace(r.text["unit"])
	word := map[string]string{"celsius": "Cel", "fahrenheit": "[degF]"}[refWord(name, "celsius", "fahrenheit")]
	if code := refOr(word, refUnits[name]); code != "" {
		return &code
	}
	return nil
}

func (r refRow) unitOrVendor() string {
	if unit := r.unit(); unit != nil {
		return *unit
	}
	return r.text["unit"]
}

func (r refRow) canonical() string {
	literal := r.text["value"]
	var f float64
	if literal == "" || stdjson.Unmarshal([]byte(literal), &f) != nil {
		return literal
	}
	v := jsontext.Value(literal)
	if err := v.Canonicalize(); err != nil {
		panic(err)
	}
	return string(v)
}

func (r refRow) encode(d any) string {
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	if len(r.other) == 0 {
		return string(b)
	}
	return strings.TrimSuffix(string(b), "}") + `,"other":{` + strings.Join(r.other, ",") + "}}"
}

var notSlug, notToken = regexp.MustCompile(`[^a-z0-9_-]`), regexp.MustCompile(`[^A-Za-z0-9_-]`)

func refToken(s string) string {
	s = refOr(notToken.ReplaceAllString(s, "_"), "_")
	return s[:min(len(s), 128)]
}

func refHash(texts ...string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(texts, "\u001f"))))[:32]
}

func refCheck(texts ...string) uint32 {
	return crc32.Checksum([]byte(strings.Join(texts, "\u001f")), crc32.MakeTable(crc32.Castagnoli))
}

func refPercent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func refUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

func refOr(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

func refBlank(s string) bool { return strings.TrimSpace(s) == "" }

func refPresent(s, or string) string {
	if refBlank(s) {
		return or
	}
	return s
}

// refWord is the word that s is in any case, empty if it is none of them.
func refWord(s string, words ...string) string {
	for _, word := range words {
		if strings.EqualFold(strings.TrimSpace(s), word) {
			return word
		}
	}
	return ""
}
