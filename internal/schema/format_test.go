package schema

import (
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/saveris"
)

func TestUnitsAreUCUM(t *testing.T) {
	for vendor, want := range map[string]string{
		"°C": "Cel", "CELSIUS": "Cel", "celsius": "Cel", " Celsius ": "Cel", "FAHRENHEIT": "[degF]", "fahrenheit": "[degF]", "°F": "[degF]",
		"%rF": "%", "%RH": "%", "%": "%", "g/m³": "g/m3", "hPa": "hPa", "mbar": "mbar", "ppm": "[ppm]", " ppm": "[ppm]",
		"MBAR": "", "HPA": "", "K": "", "relative humidity": "", "C": "", "°": "", " ": "",
	} {
		e := eventOf(Readings, with(readingRow, "physical_unit", strconv.Quote(vendor)))
		unit := "null"
		if want != "" {
			unit = strconv.Quote(want)
		}
		if data := string(e.AppendData(nil)); !strings.Contains(data, `,"unit":`+unit+`,"vendor_unit":"`+vendor+`",`) {
			t.Errorf("%q: %s", vendor, data)
		}
	}
}

func TestQuantities(t *testing.T) {
	for _, c := range []struct{ extension, property, data, token string }{
		{`"Air Temperature"`, `"Temperature"`, `"air_temperature"`, "air_temperature"},
		{`"Unknown"`, `"Humidity"`, `"humidity"`, "humidity"},
		{`" UNKNOWN "`, `"Humidity"`, `"humidity"`, "humidity"},
		{`"Unknown"`, `"Unknown"`, `"unknown"`, "unknown"},
		{`"Unknown"`, `""`, `null`, "_"},
		{`null`, `null`, `null`, "_"},
		{`" "`, `" "`, `null`, "_"},
		{`""`, `"Door"`, `"door"`, "door"},
		{`"CO₂-Gehalt (ppm)"`, `null`, `"co_-gehalt__ppm_"`, "co_-gehalt__ppm_"},
		{`"a.b*c>d"`, `null`, `"a_b_c_d"`, "a_b_c_d"},
	} {
		e := eventOf(Readings, with(with(readingRow, "physical_extension", c.extension), "physical_property_name", c.property))
		if data := string(e.AppendData(nil)); !strings.Contains(data, `,"quantity":`+c.data+`,`) || !strings.HasSuffix(e.Subject(Live), ".22011234.1."+c.token) {
			t.Errorf("%v: %s %s", c, e.Subject(Live), data)
		}
	}
}

// Times are the same whatever zone the process lives in, on both sides of UTC and at both changes of the clocks. Each zone
// is a process of its own: its zone is nothing that a test may change under others.
func TestTimesAreUTCInEveryZone(t *testing.T) {
	const child = "TEST_IN_ZONE"
	if os.Getenv(child) != "" {
		checkTimesInZone(t, time.Local.String())
		return
	}
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTimesAreUTCInEveryZone$")
		cmd.Env = append(os.Environ(), "TZ="+zone, child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("in %s: %v\n%s", zone, err, out)
		}
	}
}

func checkTimesInZone(t *testing.T, zone string) {
	for vendor, want := range map[string]string{
		"2026-03-29T02:30:00Z": "2026-03-29T02:30:00Z", "2026-03-29T02:30:00": "2026-03-29T02:30:00Z", "2026-10-25 02:30:00.000": "2026-10-25T02:30:00.000Z",
		"2026-10-25T02:30:00+02:00": "2026-10-25T00:30:00Z", "2026-10-25T02:30:00+01:00": "2026-10-25T01:30:00Z", "2026-01-01T00:30:00.5+1400": "2025-12-31T10:30:00.5Z",
		"2025-12-31t23:59:59.1200-11": "2026-01-01T10:59:59.1200Z", "2024-02-29T23:30:00-03:30": "2024-03-01T03:00:00Z", "0001-01-01T00:00:00z": "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.1234567890123Z": "9999-12-31T23:59:59.1234567890123Z",
	} {
		e := eventOf(Readings, with(readingRow, "timestamp", strconv.Quote(vendor)))
		at, err := time.Parse(time.RFC3339Nano, want)
		if err != nil || e.Rejected || !e.Time.Equal(at) || e.Time.Location() != time.UTC || e.Day() != want[:10] {
			t.Errorf("%s in %s: %s, day %s, %s", vendor, zone, e.Time, e.Day(), e.Reason())
		}
		h := map[string][]string{}
		e.Header(h, Live, testReadAt.Local())
		if h["ce-time"][0] != want || h["ce-recordedtime"][0] != "2026-07-02T03:04:05.06Z" {
			t.Errorf("%s in %s: %v", vendor, zone, h)
		}
	}
	r := NewMaker(Readings, "saveris", "").Event(&saveris.Row{}, Window{testReadAt.Local(), testReadAt.Local()}, testReadAt.Local())
	if data := string(r.AppendData(nil)); r.Time.Location() != time.UTC || !strings.Contains(data, `{"from":"2026-07-02T03:04:05.06Z","until":"2026-07-02T03:04:05.06Z"}`) {
		t.Errorf("in %s: %s", zone, data)
	}
}

func TestProcessedAtIsZeroIfUnknown(t *testing.T) {
	m := NewMaker(Readings, "saveris", "https://vendor.example")
	for processed, want := range map[string]time.Time{
		`"2026-07-01T10:15:42.5Z"`: time.Date(2026, 7, 1, 10, 15, 42, 5e8, time.UTC), `""`: {}, `null`: {}, `"later"`: {},
	} {
		m.Event(parseRow(readingRow), testWindow, testReadAt)
		if e := m.Event(parseRow(with(readingRow, "processed_at", processed)), testWindow, testReadAt); e.ProcessedAt() != want {
			t.Errorf("%s: %s", processed, e.ProcessedAt())
		}
	}
}

// TestCheckNumbersAsRFC8785 holds the numbers in checksums against another implementation.
func TestCheckNumbersAsRFC8785(t *testing.T) {
	check := func(literal string) {
		t.Helper()
		want := jsontext.Value(literal)
		if err := want.Canonicalize(); err != nil {
			t.Fatal(literal, err)
		}
		if got := appendCanonical(nil, []byte(literal)); string(got) != string(want) {
			t.Errorf("%s: %s, expected %s", literal, got, want)
		}
	}
	for _, literal := range strings.Fields("0 -0 -0.00 0.10 10 100.00 1e21 999999999999999999999 1e-6 1e-7 0.00000012 -1.50e-9 1e100 123456789012345 1234567890123456 0.1234567890123456 12345678.90123456 9007199254740993 5e-324 1.7976931348623157e308 1e-400") {
		check(literal)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		f := math.Float64frombits(r.Uint64())
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			check(strconv.FormatFloat(f, 'g', 1+r.IntN(20), 64))
		}
		check(strconv.FormatFloat(r.NormFloat64()*math.Pow10(r.IntN(20)-4), 'f', r.IntN(16), 64))
	}
	if got := appendCanonical(nil, []byte("1E400")); string(got) != "1E400" {
		t.Errorf("overflow: %s", got)
	}
}

func TestHeadersRoundTrip(t *testing.T) {
	for text, header := range map[string]string{
		"plain-~!#$&'()*+,./:;<=>?@[]^_`{|}": "plain-~!#$&'()*+,./:;<=>?@[]^_`{|}", "a b": "a%20b", `"`: "%22", "%": "%25", "%41": "%2541", "Kühl": "K%C3%BChl",
		"\x00\t\n\x7f": "%00%09%0A%7F", "😀": "%F0%9F%98%80", `\`: `\`,
	} {
		if got := string(appendPercent(nil, []byte(text))); got != header {
			t.Errorf("%q: %s, expected %s", text, got, header)
		}
		if got, err := url.PathUnescape(header); err != nil || got != text {
			t.Errorf("%s: %q, %v", header, got, err)
		}
		e := eventOf(Readings, with(readingRow, "uuid", string(saveris.Field{Kind: saveris.String, Text: []byte(text + "x")}.AppendJSON(nil))))
		h := map[string][]string{}
		e.Header(h, Live, testReadAt)
		ev, err := Parse(h, e.AppendData(nil))
		if err != nil || ev.ID() != text+"x" || e.ID != text+"x" || h["ce-id"][0] != header+"x" {
			t.Errorf("%q: %q, %v", text, ev.ID(), err)
		}
	}
}

func TestBlanksRoundTrip(t *testing.T) {
	e := eventOf(Alarms, with(with(alarmRow, "serial_no", `" 7 "`), "uuid", `" u"`))
	h := map[string][]string{}
	e.Header(h, Live, testReadAt)
	if ev, err := Parse(h, nil); err != nil || ev.Subject() != " 7 " || ev.ID() != "u.alarm.20260701T103000Z" {
		t.Errorf("%q %q %v", ev.Subject(), ev.ID(), err)
	}
}

func TestBlankAttributesAreLeftOut(t *testing.T) {
	row := with(with(with(alarmRow, "alarm_source_uuid", `" "`), "source_alarm_event_uuid", `"\t"`), "alarm_status", `"Ok"`)
	e, h := eventOf(Alarms, row), map[string][]string{}
	if e.Header(h, Live, testReadAt); h["ce-partitionkey"][0] != "22011234" || h["ce-causationid"] != nil {
		t.Error(h)
	}
	e = eventOf(Alarms, with(row, "serial_no", `" "`))
	if e.Header(h, Live, testReadAt); h["ce-partitionkey"] != nil || h["ce-subject"][0] != "_" {
		t.Error(h)
	}
}

func TestRecordedTimeFollows(t *testing.T) {
	e, h := eventOf(Readings, readingRow), map[string][]string{}
	for _, want := range []string{"2026-07-02T03:04:05.06Z", "2026-07-02T03:04:06.06Z", "2026-07-02T03:04:07.06Z"} {
		at, _ := time.Parse(time.RFC3339Nano, want)
		if e.Header(h, Live, at); h["ce-recordedtime"][0] != want {
			t.Errorf("%s instead of %s", h["ce-recordedtime"], want)
		}
	}
}

func TestParseRefusesWhatIsNoEvent(t *testing.T) {
	e := eventOf(Readings, readingRow)
	for key, value := range map[string]string{
		"ce-specversion": "0.3", "ce-id": "", "ce-source": "", "ce-type": "", "ce-time": "yesterday", "ce-recordedtime": "now", "ce-subject": "%2", "ce-lane": "%zz", "ce-a_b": "x",
	} {
		h := map[string][]string{}
		e.Header(h, Live, testReadAt)
		h[key] = []string{value}
		if _, err := Parse(h, nil); err == nil || !strings.HasPrefix(err.Error(), "parse event: ") {
			t.Errorf("%s: %q gives %v", key, value, err)
		}
	}
}

func TestLongRowsStayWithinTheBroker(t *testing.T) {
	long := strconv.Quote(strings.Repeat("ä", 3000))
	row := readingRow
	for _, name := range []string{"tenant_uuid", "customer_site", "serial_no", "physical_extension"} {
		row = with(row, name, long)
	}
	if e := eventOf(Readings, row); e.Rejected || len(e.Subject(History)) > 4*129+50 {
		t.Error(e.Reason(), e.Subject(History))
	}
	e := eventOf(Readings, with(readingRow, "new", strconv.Quote(strings.Repeat("x", maxText))))
	if !e.Rejected || e.Reason() != "too long as an event" {
		t.Error(e.Size(), e.Reason())
	}
	for _, name := range []string{"uuid", "tenant_uuid", "sensor_uuid", "serial_no"} {
		if e := eventOf(Readings, with(readingRow, name, strconv.Quote(strings.Repeat("ä", 10_000)))); !e.Rejected {
			t.Error(name, e.Size())
		}
	}
	if e := eventOf(Readings, with(readingRow, "timestamp", `"2026-07-01T10:15:00.`+strings.Repeat("1", maxHeader)+`Z"`)); !e.Rejected {
		t.Error("timestamp", e.Size())
	}
}

func TestNoAllocationAnEventNoneAMessage(t *testing.T) {
	spelled := strings.ToUpper(readingRow[:45]) + readingRow[45:] // uuid, and its column
	for text, feed := range map[string]Feed{readingRow: Readings, spelled: Readings, alarmRow: Alarms} {
		m, row, data, at := NewMaker(feed, "saveris", "https://vendor.example"), parseRow(text), []byte(nil), time.Now()
		h := map[string][]string{}
		headers := Headers{Map: h}
		var e Event
		if n := testing.AllocsPerRun(100, func() { e = m.Event(row, testWindow, testReadAt) }); n > 0 {
			t.Errorf("%s: %v allocations an event", feed, n)
		}
		if n := testing.AllocsPerRun(100, func() { headers.Set(&e, History, at); data = e.AppendData(data[:0]) }); n > 0 {
			t.Errorf("%s: %v allocations a message", feed, n)
		}
		size := len(e.Subject(History)) + len(data)
		for key, values := range h {
			size += len(key) + len(values[0]) + len(": \r\n")
		}
		if held := int(unsafe.Sizeof(e)) + len(e.text); feed == Readings && held > 260 {
			t.Errorf("%s: %d bytes an event", feed, held)
		}
		if e.Size() < size-60 || e.Size() > size+60 {
			t.Errorf("%s: size %d, expected about %d", feed, e.Size(), size)
		}
	}
}
