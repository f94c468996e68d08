package schema

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// alarmAt is a plain alarm's event, without the way through JSON.
func alarmAt(uuid, serial string, begins bool, minute int, ended string) AlarmEvent {
	at := alarmBegan.Add(time.Duration(minute) * time.Minute)
	e := AlarmEvent{ID: fmt.Sprintf("%s.%t.%d", uuid, begins, minute), Serial: serial, RaisedAt: at, ChangedAt: at, Received: at, transition: transitionEnd}
	if begins {
		e.transition = transitionBegin
	}
	e.identify(e.ID, &alarmText{UUID: uuid, Ended: ended})
	d := &alarmText{}
	d.Sensor.Serial = serial
	e.series = seriesOf(d)
	return e
}

func TestWhatIsOpenIsNotForgottenForWhatIsClosed(t *testing.T) {
	o := NewOpenAlarms()
	o.mostRows, o.mostSeries = 1000, 300
	o.Take(alarmAt("old", "old", true, -500_000, ""))
	for i := range 20_000 {
		serial, ended := fmt.Sprint(i%700), ""
		if i%3 == 0 {
			ended = fmt.Sprint("b", i)
		}
		o.Take(alarmAt(fmt.Sprint("b", i), serial, true, 2*i, ""))
		o.Take(alarmAt(fmt.Sprint("e", i), serial, false, 2*i+1, ended))
	}
	if got := openOf(o); got != "old" || len(o.rows) > 1000 || len(o.series) > 1000 {
		t.Errorf("open are %q; %d rows and %d series are remembered", got, len(o.rows), len(o.series))
	}
}

// TestAForgottenPairLeavesTheOthersAlone: of two that began and one end, the older stays open however much follows.
func TestAForgottenPairLeavesTheOthersAlone(t *testing.T) {
	o := NewOpenAlarms()
	o.Take(alarmAt("old", "7", true, 0, ""))
	for i := range 5 * maxRowsOfASeries {
		o.Take(alarmAt(fmt.Sprint("b", i), "7", true, 10+2*i, ""))
		o.Take(alarmAt(fmt.Sprint("e", i), "7", false, 11+2*i, ""))
		if got := openOf(o); got != "old" || len(o.rows) > maxRowsOfASeries {
			t.Fatalf("after %d pairs %q are open, and %d rows are remembered", i+1, got, len(o.rows))
		}
	}
}

func TestTooManyOpenAreForgottenFromTheOldest(t *testing.T) {
	o := NewOpenAlarms()
	o.mostRows = 1000
	for i := range 1500 {
		o.Take(alarmAt(fmt.Sprint(i), fmt.Sprint(i), true, i, ""))
	}
	list := o.List()
	if len(list) < 900 || len(list) > 1000 || list[0].Serial != "1499" {
		t.Errorf("%d are open, the newest is %+v", len(list), list[0])
	}
}

// TestWhatComesAfterItsEndWasForgottenIsClosed: a backfill brings a year that ends with an alarm, and its end is long
// forgotten; and a correction comes to an alarm that is.
func TestWhatComesAfterItsEndWasForgottenIsClosed(t *testing.T) {
	o := NewOpenAlarms()
	o.Take(alarmAt("end", "7", false, 5, ""))
	for i := range maxRowsOfASeries {
		o.Take(alarmAt(fmt.Sprint("b", i), "7", true, 10+2*i, ""))
		o.Take(alarmAt(fmt.Sprint("e", i), "7", false, 11+2*i, ""))
	}
	if n := len(o.rows); n > maxRowsOfASeries {
		t.Fatalf("%d rows are remembered", n)
	}
	o.Take(alarmAt("begin", "7", true, 0, ""))
	revised := alarmAt("b0", "7", true, 10, "")
	revised.again, revised.Seq = true, 1000
	o.Take(revised)
	if got := openOf(o); got != "" {
		t.Errorf("open are %q", got)
	}
	o.Take(alarmAt("new", "7", true, 5000, ""))
	o.Take(alarmAt("other", "8", true, 0, ""))
	if got := openOf(o); got != "new other" {
		t.Errorf("open are %q", got)
	}
}

// TestAWrongClockHidesNothing: what was forgotten of a device whose clock was years ahead does not close what comes.
func TestAWrongClockHidesNothing(t *testing.T) {
	o := NewOpenAlarms()
	for i := range 2 * maxRowsOfASeries {
		ahead := alarmAt(fmt.Sprint("x", i), "7", i%2 == 0, 40_000_000+i, "")
		ahead.Received = alarmBegan.Add(time.Duration(i) * time.Minute)
		o.Take(ahead)
	}
	o.Take(alarmAt("new", "7", true, 1000, ""))
	if got := openOf(o); got != "new" {
		t.Errorf("open are %q", got)
	}
}

// BenchmarkOpenAlarms takes 200,000 events of 36,000 channels, JSON and all. A tenth of the alarms stays open.
func BenchmarkOpenAlarms(b *testing.B) {
	const rows, channels = 200_000, 36_000
	var data [][]byte
	for i := range rows {
		status, ended := "raised", ""
		if i%2 == 1 && i%10 != 9 {
			status = "cleared"
			if i%4 == 1 {
				ended = fmt.Sprintf("d2e3f4a5-b6c7-4d8e-9f0a-%012d", i-1)
			}
		}
		at := alarmBegan.Add(time.Duration(i) * time.Second).Format(time.RFC3339)
		data = append(data, fmt.Appendf(nil, `{"uuid":"d2e3f4a5-b6c7-4d8e-9f0a-%012d","tenant":"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f","site":"b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e","state":%q,"severity":"warning","status":"Alarm","kind":"measurement alarm","condition":"Upper limit","reason":"","sensor":{"serial_no":"%08d"},"alarm_source":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","source_alarm_event":%q,"quantity":"air_temperature","property":"Temperature","extension":"Air Temperature","value":9.3,"unit":"Cel","vendor_unit":"°C","raised_at":%q,"raised_at_local":%q,"status_changed_at":%q,"received_at":%q}`,
			i, status, i/2%channels, ended, at, at, at, at))
	}
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		o := NewOpenAlarms()
		for i, one := range data {
			e, ok := ReadAlarm("d2e3f4a5-b6c7-4d8e-9f0a-0123456789ab.alarm.20260701T103000Z", uint64(i), one)
			if !ok {
				b.Fatal("not read")
			}
			e.first = e.row
			o.Take(e)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/(1<<20), "MB")
		b.ReportMetric(float64(len(o.List())), "open")
	}
}
