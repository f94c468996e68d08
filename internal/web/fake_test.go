package web

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// fake is a source whose state a test sets. It may be used by many goroutines.
type fake struct {
	made    time.Time // from when on the status' clock goes
	mu      sync.Mutex
	status  status.Status
	recent  status.Recent
	changed chan struct{}
}

func newFake(now status.Status, recent status.Recent) *fake {
	return &fake{made: time.Now(), status: now, recent: recent, changed: make(chan struct{})}
}

func (f *fake) Status() status.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.At = s.At.Add(time.Since(f.made))
	return s
}

func (f *fake) Recent(search string) status.Recent {
	f.mu.Lock()
	defer f.mu.Unlock()
	recent := f.recent
	recent.Open, recent.Severe, recent.Silent = len(recent.Alarms), status.Severe(recent.Alarms), 0
	for _, s := range recent.Sensors {
		if s.Silent {
			recent.Silent++
		}
	}
	if search == "" {
		return recent
	}
	recent.Sensors, recent.Alarms = nil, nil
	for _, a := range f.recent.Alarms {
		if strings.Contains(strings.ToLower(a.Serial+" "+a.Text), strings.ToLower(search)) {
			recent.Alarms = append(recent.Alarms, a)
		}
	}
	for _, s := range f.recent.Sensors {
		if strings.Contains(strings.ToLower(s.Serial+" "+s.Site+" "+s.Quantity), strings.ToLower(search)) {
			recent.Sensors = append(recent.Sensors, s)
		}
	}
	return recent
}

// Newest turns the order round.
func (f *fake) Newest(search string) status.Recent {
	recent := f.Recent(search)
	recent.Sensors = slices.Clone(recent.Sensors)
	slices.Reverse(recent.Sensors)
	return recent
}

func (f *fake) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// change changes the state and tells.
func (f *fake) change(how func(*status.Status, *status.Recent)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(&f.status, &f.recent)
	close(f.changed)
	f.changed = make(chan struct{})
}

func ptr[T any](v T) *T { return &v }

// calm is a bridge that has run for a good year and has nothing to complain of.
func calm(now time.Time) (status.Status, status.Recent) {
	feed := func(name schema.Feed, rows uint64, newest time.Duration) status.Feed {
		return status.Feed{
			Feed: name, Since: ptr(now.AddDate(0, 0, -300)), CoveredUntil: ptr(now.Add(-40 * time.Second)), ReadAt: ptr(now.Add(-40 * time.Second)),
			Newest: ptr(now.Add(-newest)), Writer: "bridge-7d9f/1", Leader: "bridge-7d9f/1", Rows: rows, Late: rows / 900,
			Lateness: &status.Lateness{Events: 4096, Arrival: status.Quantiles{Median: 42, P95: 310, Max: 26000}, Storing: status.Quantiles{Median: 96, P95: 290, Max: 640}},
			Days:     calmDays(now, rows/300),
		}
	}
	s := status.Status{At: now, Feeds: []status.Feed{feed(schema.Readings, 10_412_907, 7*time.Minute), feed(schema.Alarms, 18_230, 3*time.Hour)}}
	recent := status.Recent{Known: 36, AlarmsSince: ptr(now.AddDate(0, 0, -300).Truncate(time.Hour))}
	for i := range 36 {
		recent.Sensors = append(recent.Sensors, calmSensor(now, i))
	}
	recent.Sensors[5] = asDoor(recent.Sensors[5])
	recent.Sensors[0].Limits = &status.Limits{Low: ptr(json.Number("2")), High: ptr(json.Number("7.5"))}
	recent.Sensors[35].Gone = true
	s.Fleet = &status.Fleet{Devices: 12, Channels: 36, Low: []status.Battery{}, Changes: []status.Change{
		{At: now.Add(-3 * time.Hour), Kind: schema.KindDevice, Key: "20011234", Name: "Fridge 1 - Logger", SiteName: "Market Square", Text: "renamed, was Fridge 1", Count: 1},
		{At: now.AddDate(0, 0, -300), Kind: schema.KindDevice, Text: "device new", Count: 12},
	}}
	return s, recent
}

func calmDays(now time.Time, rows uint64) (days []status.Day) {
	for i := 300; i >= 0; i-- {
		d := now.AddDate(0, 0, -i)
		day := status.Day{Day: d.Format(time.DateOnly), Covered: 1, Rows: rows + uint64(i*7%90), ReadAt: d.Add(24 * time.Hour)}
		if i%23 == 5 {
			day.Late = uint64(i)
		}
		if i == 0 {
			day.Covered = float64(now.Sub(now.Truncate(24*time.Hour))) / float64(24*time.Hour)
			day.ReadAt = now
		}
		days = append(days, day)
	}
	return days
}

func calmSensor(now time.Time, i int) status.Sensor {
	quantity := [][2]string{{"air_temperature", "Cel"}, {"relative_humidity", "%"}, {"absolute_pressure", "hPa"}}[i%3]
	s := status.Sensor{
		Tenant: "6d1f9c4e", Site: fmt.Sprintf("b2c3d4e5-f6a7-4b8c-9d0e-%012d", i/4), Serial: fmt.Sprint(22011234 + i/3), Channel: fmt.Sprint(i%3 + 1),
		Quantity: quantity[0], Unit: quantity[1],
	}
	for p := range 32 {
		value := json.Number(fmt.Sprintf("%.2f", []float64{4.7, 52, 1013.25}[i%3]+math.Sin(float64(p)/4+float64(i))*2+float64(p*i%5)/4))
		s.Points = append(s.Points, status.Point{At: now.Add(-time.Duration(31-p)*15*time.Minute - 7*time.Minute), Value: &value})
	}
	return s
}

// asDoor makes a sensor one that knows only two values.
func asDoor(s status.Sensor) status.Sensor {
	s.Quantity, s.Unit = "door_contact", ""
	for i := range s.Points {
		value := json.Number(strconv.Itoa(i / 4 % 5 / 3))
		s.Points[i].Value = &value
	}
	return s
}

// trouble is a bridge on a bad day: one feed stands still, the other has gaps, alarms are open, two channels are silent, a backfill has failed.
func trouble(now time.Time) (status.Status, status.Recent) {
	s, recent := calm(now)
	r, a := &s.Feeds[0], &s.Feeds[1]
	r.ReadAt, r.CoveredUntil, r.Newest = ptr(now.Add(-47*time.Minute)), ptr(now.Add(-47*time.Minute)), ptr(now.Add(-58*time.Minute))
	r.Rejected = 4467
	for i := range 2 {
		recent.Sensors[i].Silent = true
		for j := range recent.Sensors[i].Points {
			recent.Sensors[i].Points[j].At = recent.Sensors[i].Points[j].At.Add(-5 * time.Hour)
		}
	}
	r.RejectedAt = ptr(now.Add(-time.Hour))
	for i := range 40 {
		r.Days[120+i].Covered = float64(i%4) / 4
	}
	r.Days = append(r.Days[:200], r.Days[214:]...)
	for i := range 5 {
		from := now.Add(-time.Duration(30*(5-i)) * time.Hour)
		a.Gaps = append(a.Gaps, checkpoint.Span{From: from, Until: from.Add(95 * time.Minute)})
	}
	s.Backfills = []status.Backfill{
		{ToldAt: now.Add(-2 * time.Second), Backfill: schema.Backfill{ID: "readings-2025", Phase: schema.BackfillProgress, Feeds: []schema.Feed{"readings", "alarms"}, From: now.AddDate(-1, 0, 0), Until: now.AddDate(0, -2, 0), Rows: 4_180_220, Stored: 4_180_020, RowsPerS: 41_870, Covered: 0.4237, ETA: ptr(138.0)}},
		{ToldAt: now.Add(-2 * time.Hour), Backfill: schema.Backfill{ID: "alarms-q3", Phase: schema.BackfillFailed, Feeds: []schema.Feed{"alarms"}, From: now.AddDate(0, -5, 0), Until: now.AddDate(0, -2, 0), Covered: 0.9991, Error: ptr("window 2026-08-02T00:00:00Z/P1D: export failed 12 times: the vendor says “internal error”")}},
		{ToldAt: now.AddDate(0, 0, -3), Backfill: schema.Backfill{ID: "readings-q2", Phase: schema.BackfillFinished, Feeds: []schema.Feed{"readings"}, From: now.AddDate(0, -8, 0), Until: now.AddDate(0, -5, 0), Rows: 3_110_000, Stored: 3_109_882, Covered: 1}},
	}
	s.Silent = []status.Silence{
		{Tenant: "6d1f9c4e", Site: "b2c3d4e5", Serial: "22011234", Channel: "1", Name: "Fridge 1, Cooling compartment", SiteName: "Market Square", LastAt: ptr(now.Add(-5 * time.Hour)), DueAt: now.Add(-4 * time.Hour)},
		{Tenant: "6d1f9c4e", Site: "b2c3d4e5", Serial: "22011234", Channel: "2", DueAt: now.Add(-4 * time.Hour)},
	}
	s.Fleet.Low, s.Fleet.LowCount = []status.Battery{{Serial: "20011234", Name: "Fridge 1 - Logger", SiteName: "Market Square", Percent: 8, At: now.Add(-time.Hour)}}, 1
	for i, severity := range []string{"warning", "alarm", "unknown", "warning"} {
		value := json.Number([]string{"9.30", "12.7", "61.0", "8.1"}[i])
		recent.Alarms = append(recent.Alarms, status.Alarm{
			ID: fmt.Sprint("a", i), At: now.Add(-time.Duration(i*i*40+12) * time.Minute), Serial: fmt.Sprint(22011234 + i), Severity: severity,
			Text: "Upper limit exceeded: measured " + value.String() + " °C", Site: recent.Sensors[0].Site,
			Condition: "Upper limit", Reason: "Alarm condition is violated", Quantity: "air_temperature", Value: &value, Unit: "Cel",
		})
	}
	recent.Alarms[0].Serial = recent.Alarms[1].Serial // of one channel
	recent.Alarms = append(recent.Alarms, status.Alarm{
		ID: "old", At: now.AddDate(0, 0, -71), Serial: "22019153", Severity: "warning", Text: "Calibration is too old", Condition: "Calibration is too old", Reason: "Alarm condition is violated",
	})
	for i := range 97 {
		recent.Rejects = append(recent.Rejects, status.Reject{
			Feed: "alarms", At: now.Add(-time.Duration(i+1) * time.Minute), Reason: fmt.Sprintf("alarm_time is no time: %q", fmt.Sprint("today ", i)), Row: `{"alarm_time":"today","serial_no":"22011234"}`,
		})
	}
	for i, reason := range []string{"neither uuid nor anything to make an id of", "timestamp \"yesterday\" cannot be read", "no JSON object"} {
		recent.Rejects = append(recent.Rejects, status.Reject{Feed: "readings", At: now.Add(-time.Duration(i*5+1) * time.Hour), Reason: reason, Row: `{"timestamp":"yesterday","value":"4,7","serial_no":"22011234"}`})
	}
	return s, recent
}
