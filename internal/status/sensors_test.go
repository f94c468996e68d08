package status

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// base is a moment of today that these tests count from.
var base = time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)

func readingAt(at time.Time, value string) []byte {
	return fmt.Appendf(nil, `{"uuid":"u","tenant":"T","site":"Köln \"value\":9","sensor":{"uuid":null,"serial_no":"22","model_code":null,"channel_no":3},`+
		`"quantity":"air_temperature","property":"\"measured_at\":\"2020-01-01T00:00:00Z\"","extension":null,"value":%s,"unit":"Cel","vendor_unit":"x",`+
		`"measured_at":"%s","measured_at_local":null,"received_at":"%s","other":{"value":77}}`,
		value, at.Format(time.RFC3339Nano), at.Add(time.Minute).Format(time.RFC3339))
}

func TestPointsAreTheNewestInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	s := newSensors()
	for _, m := range []int{5, 3, 9, 3, 7, 9} { // two of them come again, corrected
		read, ok := s.take("key", readingAt(base.Add(time.Duration(m)*time.Minute), fmt.Sprintf("%d.10", m)))
		if want := base.Add(time.Duration(m) * time.Minute); !ok || !read.MeasuredAt.Equal(want) || !read.Received.Equal(want.Add(time.Minute)) {
			t.Fatalf("%+v %v", read, ok)
		}
	}
	s.take("key", readingAt(base.Add(7*time.Minute), "null"))
	one := shown(s, "")[0]
	var got []string
	for _, p := range one.Points {
		value := "null"
		if p.Value != nil {
			value = p.Value.String()
		}
		got = append(got, p.At.Sub(base).String()+"="+value)
	}
	if want := []string{"3m0s=3.10", "5m0s=5.10", "7m0s=null", "9m0s=9.10"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if one.Site != `Köln "value":9` || one.Serial != "22" || one.Channel != "3" || one.Unit != "Cel" {
		t.Errorf("%+v", one)
	}
	for i := range 100 {
		s.take("key", readingAt(base.Add(time.Duration(10+i)*time.Minute), "1"))
	}
	if points := shown(s, "")[0].Points; len(points) != mostPoints || !points[0].At.Equal(base.Add((110-mostPoints)*time.Minute)) {
		t.Errorf("%d points since %v", len(points), points[0].At)
	}
}

func TestSearchFindsEachWordInAnyCase(t *testing.T) {
	t.Parallel()
	s := newSensors()
	s.take("a", readingAt(base, "1"))
	for search, want := range map[string]int{"": 1, "KÖLN": 1, "22 temp": 1, "22 humidity": 0, "  ": 1, "t": 1, "23": 0} {
		if got := len(shown(s, search)); got != want {
			t.Errorf("%q finds %d, want %d", search, got, want)
		}
	}
}

func TestSensorsAreBoundedAndTheSilentOnesGo(t *testing.T) {
	t.Parallel()
	s := newSensors()
	total := func() (n int) {
		for _, one := range s.byKey {
			n += len(one.points)
		}
		return n
	}
	data := readingAt(base, "1")
	for i := range maxSensors + 10 {
		s.take(fmt.Sprint(i), data)
		if i == maxSensors-1 {
			s.take("0", data) // the first one is heard again
		}
	}
	if n := len(s.byKey); n > maxSensors || n < maxSensors*8/10 || s.byKey["0"] == nil || s.byKey["1"] != nil {
		t.Errorf("%d remembered, the first %v, the second %v", n, s.byKey["0"] != nil, s.byKey["1"] != nil)
	}
	if total() > maxPoints || len(shown(s, "")) != mostShown {
		t.Errorf("%d points, %d shown", total(), len(shown(s, "")))
	}
}

func TestQuantilesAreOfTheNewest(t *testing.T) {
	t.Parallel()
	var d delays
	for i := range 2 * measured { // the older half took ever longer
		took := time.Duration(i) * time.Second
		if i >= measured {
			took = time.Duration(i-measured) * time.Second
		}
		d.add(base, base.Add(took), base.Add(2*took))
	}
	l := d.lateness()
	want := Quantiles{Median: 500, P95: 949, Max: 999}
	if l.Events != measured || l.Arrival != want || l.Storing != want {
		t.Errorf("%+v", l)
	}
}

func TestAHundredRejectedRowsAreRemembered(t *testing.T) {
	t.Parallel()
	var r rejects
	for i := range 3 * maxRejects {
		for range 2 { // a follower that begins anew brings it again
			r.take(fmt.Sprint(i), base, []byte(`{"row":"x"}`))
		}
	}
	if len(r.list) != maxRejects || r.list[0].id != fmt.Sprint(2*maxRejects) {
		t.Errorf("%d, the oldest is %s", len(r.list), r.list[0].id)
	}
}

func FuzzReading(f *testing.F) {
	f.Add(readingAt(base, "4.7"))
	f.Add([]byte(`{"value":`))
	f.Add([]byte(`{"value":1,"measured_at":"2026-01-01T00:00:00Z","received_at":"\"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newSensors()
		s.take("key", data)
		shown(s, "x")
		new(rejects).take("id", base, data)
	})
}

func BenchmarkTakeReading(b *testing.B) {
	s := newSensors()
	data := readingAt(base, "4.7")
	keys := make([]string, 36_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("tenant.site-%d.22.1.air_temperature", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.take(keys[i%len(keys)], data)
	}
}

// TestSensorsSayWhatPeopleCallThem: as the newest reading does, also where the first one had no names.
func TestSensorsSayWhatPeopleCallThem(t *testing.T) {
	t.Parallel()
	s := newSensors()
	body := func(minute int, more string) []byte {
		return fmt.Appendf(nil, `{"uuid":"u","tenant":"t","site":"b2","sensor":{"uuid":"s","serial_no":"2201","model_code":null,"channel_no":1},"quantity":"q","value":1,"unit":"Cel",`+
			`"measured_at":"2026-07-01T10:%02d:00Z","measured_at_local":null,"received_at":"2026-07-01T10:30:00Z"%s}`, minute, more)
	}
	for i, c := range []struct{ more, name, site, search string }{
		{``, "", "", "2201"},
		{`,"names":null,"limits":null`, "", "", "2201"},
		{`,"names":{"tenant":"T","site":"Musterstadt","device":"D","sensor":"Air","equipment":"Fridge 1","part":"Inside","area":null},"limits":{"upper_warning":7}`, "Fridge 1, Inside", "Musterstadt", "musterstadt"},
		{`,"names":{"tenant":"T","site":null,"device":"D","sensor":"Air","equipment":null,"part":null,"area":null},"limits":null`, "Air", "", "air"},
	} {
		if _, ok := s.take("key", body(i, c.more)); !ok {
			t.Fatal(c.more)
		}
		one := s.ordered()[0]
		if got := one.show(nil); got.Name != c.name || got.SiteName != c.site || got.Serial != "2201" || !strings.Contains(one.names, c.search) {
			t.Errorf("%s: %+v, %q", c.more, got, one.names)
		}
	}
}
