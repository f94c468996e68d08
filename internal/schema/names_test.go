package schema

import (
	"fmt"
	"reflect"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// fleetOf is a fleet that a test knows: Names, Directory and Place in one, whose pointer stands for what is known.
type fleetOf struct {
	names  string
	day    string // limits from 6 to 18 h UTC
	night  string
	mu     sync.Mutex
	asked  []string
	latest *fleetOf // what became known since; nil: this
}

func (f *fleetOf) Directory() Directory {
	if f.latest != nil {
		return f.latest
	}
	return f
}

func (f *fleetOf) Version() uint64 { return uint64(uintptr(unsafe.Pointer(f))) }

func (f *fleetOf) Channel(sensor, channel []byte) Place {
	f.ask(fmt.Sprintf("%s/%s", sensor, channel))
	return f.place()
}

func (f *fleetOf) Alarm(a AlarmPlace) Place {
	f.ask(fmt.Sprint(a))
	return f.place()
}

func (f *fleetOf) ask(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
}

func (f *fleetOf) place() Place {
	if f.names == "" {
		return nil
	}
	return f
}

func (f *fleetOf) Names() string { return f.names }

func (f *fleetOf) Steady() bool { return f.day == f.night }

func (f *fleetOf) Limits(at time.Time, unit string) string {
	limits := f.night
	if 6 <= at.Hour() && at.Hour() < 18 {
		limits = f.day
	}
	return strings.ReplaceAll(limits, "UNIT", fmt.Sprint(len(unit)))
}

const (
	someNames  = `{"tenant":"Restaurant Musterstadt","site":"Kitchen","device":null,"sensor":"Fridge 1 \"air\"","equipment":null,"part":null,"area":null}`
	someLimits = `{"lower_violation":null,"lower_warning":2,"upper_warning":UNIT,"upper_violation":7.50}`
)

// fleet is one of which everything is known.
func fleet() *fleetOf { return &fleetOf{names: someNames, day: someLimits, night: "null"} }

// dataOf returns an event's data, and the rest of the message.
func dataOf(t *testing.T, m *Maker, row string) (data string, rest Event) {
	t.Helper()
	e := m.Event(parseRow(row), testWindow, testReadAt)
	if e.Rejected {
		t.Fatal(e.Reason())
	}
	if size, data := e.dataSize(), e.AppendData(nil); size != len(data) {
		t.Errorf("size %d of %s", size, data)
	}
	if _, err := e.CloudEvent(Live, testReadAt); err != nil {
		t.Error(err)
	}
	return string(e.AppendData(nil)), e
}

func TestEventsSayNamesAndLimits(t *testing.T) {
	limits := strings.ReplaceAll(someLimits, "UNIT", "3") // of Cel
	for _, c := range []struct {
		feed Feed
		row  string
		want string // asked for
	}{
		{Readings, readingRow, "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c/1"},
		{Readings, with(readingRow, "new", `"text"`), "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c/1"},
		{Readings, with(readingRow, "uuid", ""), "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c/1"},
		{Readings, with(readingRow, "timestamp_local", `"a\"b"`), "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c/1"}, // as a whole
		{Readings, with(with(readingRow, "sensor_uuid", `"5F4E3D2C-1B0A-4F9E-8D7C-6B5A4F3E2D1C"`), "channel_no", "1.0"), "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c/1"},
		{Alarms, alarmRow, "{measurement_alarm 5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c 22011234 Temperature Air Temperature}"},
		{Alarms, with(alarmRow, "new", `{"a":1}`), "{measurement_alarm 5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c 22011234 Temperature Air Temperature}"},
	} {
		f := fleet()
		m := NewMaker(c.feed, "saveris", "https://vendor.example").WithNames(f)
		plain, without := dataOf(t, NewMaker(c.feed, "saveris", "https://vendor.example"), c.row)
		want := strings.Replace(plain, `,"names":null,"limits":null`, `,"names":`+someNames+`,"limits":`+limits, 1)
		for range 3 { // slow and quick
			data, e := dataOf(t, m, c.row)
			if data != want {
				t.Errorf("%s\nexpected %s", data, want)
			}
			if e.ID != without.ID || e.Check != without.Check || e.Time != without.Time || e.Subject(Live) != without.Subject(Live) {
				t.Errorf("%v\nexpected %v", e, without)
			}
		}
		if !reflect.DeepEqual(f.asked, []string{c.want}) {
			t.Errorf("asked for %q, expected %q once", f.asked, c.want)
		}
	}
}

// Events that were made keep what was known then.
func TestNamesFollowTheFleet(t *testing.T) {
	f := &fleetOf{}
	m := NewMaker(Readings, "saveris", "https://vendor.example").WithNames(f)
	data, before := dataOf(t, m, readingRow)
	if !strings.HasSuffix(data, `,"names":null,"limits":null}`) {
		t.Error(data)
	}
	f.latest = fleet()
	if data, _ = dataOf(t, m, readingRow); !strings.Contains(data, someNames) {
		t.Error(data)
	}
	f.latest = &fleetOf{names: `{"tenant":"B"}`, day: "null"}
	if data, _ = dataOf(t, m, readingRow); !strings.Contains(data, `"names":{"tenant":"B"}`) {
		t.Error(data)
	}
	if data := string(before.AppendData(nil)); !strings.HasSuffix(data, `,"names":null,"limits":null}`) {
		t.Error(data)
	}
}

func TestLimitsFollowTheTimeOfDay(t *testing.T) {
	m := NewMaker(Readings, "saveris", "https://vendor.example").WithNames(fleet())
	for range 2 {
		for at, want := range map[string]bool{"2026-07-01T10:15:00Z": true, "2026-07-01T20:15:00Z": false} {
			data, _ := dataOf(t, m, with(readingRow, "timestamp", fmt.Sprintf("%q", at)))
			if strings.Contains(data, `"lower_warning":2`) != want {
				t.Error(at, data)
			}
		}
	}
}

// Names must not lose an event: neither long ones nor those that make a long event longer.
func TestNamesNeverRejectARow(t *testing.T) {
	f := &fleetOf{names: `{"tenant":"` + strings.Repeat("x", maxSaid) + `"}`, day: `{"lower_warning":1}`}
	data, _ := dataOf(t, NewMaker(Readings, "saveris", "https://vendor.example").WithNames(f), readingRow)
	if !strings.HasSuffix(data, `,"names":null,"limits":{"lower_warning":1}}`) {
		t.Error(data)
	}
	for feed, row := range map[Feed]string{Readings: readingRow, Alarms: alarmRow} {
		plain := NewMaker(feed, "saveris", "https://vendor.example")
		longest := func(m *Maker) int {
			return sort.Search(2*maxText, func(size int) bool {
				return m.Event(parseRow(with(row, "new", fmt.Sprintf("%q", strings.Repeat("x", size)))), testWindow, testReadAt).Rejected
			})
		}
		if with, without := longest(NewMaker(feed, "saveris", "https://vendor.example").WithNames(fleet())), longest(plain); with != without || with < maxText-2000 || with > maxText {
			t.Errorf("%s: %d bytes with names, %d without", feed, with, without)
		}
	}
}

// A name that looks like a field is read as a name, and an event without the fields as it always was.
func TestEventsWithNamesAreRead(t *testing.T) {
	f := &fleetOf{names: `{"tenant":"\"value\":1,\"unit\":\"hPa\",\"measured_at\":\"2000-01-01T00:00:00Z\"}"}`, day: someLimits}
	for feed, row := range map[Feed]string{Readings: readingRow, Alarms: alarmRow} {
		e := NewMaker(feed, "saveris", "https://vendor.example").WithNames(f).Event(parseRow(row), testWindow, testReadAt)
		header, plain := map[string][]string{}, map[string][]string{}
		e.Header(header, Live, testReadAt)
		old := eventOf(feed, row)
		old.Header(plain, Live, testReadAt)
		body := []byte(strings.Replace(string(old.AppendData(nil)), `,"names":null,"limits":null`, "", 1))
		for mode, message := range map[string]struct {
			header map[string][]string
			body   []byte
		}{"binary": {header, e.AppendData(nil)}, "structured": {structuredHeader, e.AppendStructured(nil, Live, testReadAt)}} {
			stored, err := ReadStored(message.header, message.body)
			want, oldErr := ReadStored(plain, body)
			if stored != want || err != nil || oldErr != nil {
				t.Errorf("%s of %s: %v, %v; expected %v, %v", mode, feed, stored, err, want, oldErr)
			}
			if feed != Readings {
				continue
			}
			reading, err := NewReadingReader().Read(message.header, message.body)
			wanted, oldErr := ReadReading(plain, body)
			if reading != wanted || err != nil || oldErr != nil {
				t.Errorf("%s: %v, %v; expected %v, %v", mode, reading, err, wanted, oldErr)
			}
			point, ok := ReadPoint(message.body)
			if expected, _ := ReadPoint(body); point != expected || !ok {
				t.Errorf("%s: %v, expected %v", mode, point, expected)
			}
		}
	}
}

// Makers of one feed share what they remember of channels, while the fleet changes.
func TestMakersThatShareSeriesSayNames(t *testing.T) {
	f := &changing{}
	f.now.Store(fleet())
	first := NewMaker(Readings, "saveris", "https://vendor.example").WithNames(f)
	var makers sync.WaitGroup
	for range 4 {
		m := first.Another()
		makers.Go(func() {
			for i := range 200 {
				row := with(readingRow, "timestamp", fmt.Sprintf(`"2026-07-01T%02d:15:00Z"`, i%24))
				e := m.Event(parseRow(row), testWindow, testReadAt)
				if data := string(e.AppendData(nil)); !strings.Contains(data, `"names":{`) || strings.Contains(data, `"lower_warning":2`) != (6 <= i%24 && i%24 < 18) {
					t.Error(data)
				}
				if i%10 == 0 {
					f.now.Store(fleet())
				}
			}
		})
	}
	makers.Wait()
}

// TestAFleetThatIsNoLongerKnownLeavesMemory: a channel that is never heard of again keeps its names and limits, not those of all others.
func TestAFleetThatIsNoLongerKnownLeavesMemory(t *testing.T) {
	type directory struct{ *fleetOf } // its places are others
	known := &directory{fleet()}
	gone := make(chan struct{})
	runtime.AddCleanup(known, func(gone chan struct{}) { close(gone) }, gone)
	m := NewMaker(Readings, "saveris", "https://vendor.example").WithNames(namesOf(func() Directory { return known }))
	m.Event(parseRow(readingRow), testWindow, testReadAt)
	known = nil
	awaitFreed(t, gone)
	runtime.KeepAlive(m)
}

// awaitFreed waits until the collector has closed a channel.
func awaitFreed(t *testing.T, gone <-chan struct{}) {
	t.Helper()
	for {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-t.Context().Done():
			t.Fatal("it is kept")
		default:
		}
	}
}

type namesOf func() Directory

func (n namesOf) Directory() Directory { return n() }

type changing struct{ now atomic.Pointer[fleetOf] }

func (c *changing) Directory() Directory { return c.now.Load() }

// The names cost no allocation a row.
func TestNamesCostNoAllocation(t *testing.T) {
	rows := fleetRows(10, 20, asSent)
	m := NewMaker(Readings, "saveris", "https://vendor.example").WithNames(still{fleet()})
	i, e := 0, Event{}
	run := func() { e = m.Event(rows[i%len(rows)], testWindow, testReadAt); i++ }
	for range rows {
		run()
	}
	if n := testing.AllocsPerRun(1000, run); n >= 1 || e.Rejected {
		t.Errorf("%v allocations a row", n)
	}
}

// still is a fleet whose limits cost nothing, as those of package fleet.
type still struct{ *fleetOf }

func (s still) Directory() Directory { return s }

func (s still) Channel(sensor, channel []byte) Place { return s }

func (s still) Alarm(AlarmPlace) Place { return s }

func (s still) Steady() bool { return true }

func (s still) Limits(time.Time, string) string { return someLimits }

func TestNamesOfAReadingAreFound(t *testing.T) {
	m := NewMaker(Readings, "saveris", "https://vendor.example").WithNames(fleet())
	e := m.Event(parseRow(with(readingRow, "x", `{"names":{},"limits":1}`)), testWindow, testReadAt)
	for _, body := range [][]byte{e.AppendData(nil), e.AppendStructured(nil, Live, testReadAt)} {
		if got := string(ReadNames(body)); got != someNames {
			t.Errorf("%s of %s", got, body)
		}
	}
	e = eventOf(Readings, with(readingRow, "x", `{"a":1,"names":{},"limits":1}`))
	if got := ReadNames(e.AppendData(nil)); got != nil {
		t.Errorf("%s", got)
	}
}

// Open alarms keep the names that their event has.
func TestOpenAlarmsHaveNames(t *testing.T) {
	for names, want := range map[Names][2]string{
		&fleetOf{names: `{"site":"Kitchen","device":"Logger","sensor":"Air","equipment":"Fridge 1","part":null}`, day: "null"}: {"Fridge 1", "Kitchen"},
		&fleetOf{}: {},
	} {
		e := NewMaker(Alarms, "saveris", "https://vendor.example").WithNames(names).Event(parseRow(alarmRow), testWindow, testReadAt)
		alarm, ok := ReadAlarm(e.ID, 1, e.AppendData(nil))
		o := NewOpenAlarms()
		o.Take(alarm)
		if list := o.List(); !ok || len(list) != 1 || list[0].Name != want[0] || list[0].SiteName != want[1] {
			t.Errorf("%+v, want %v", list, want)
		}
	}
}
