package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// takeAt returns the board a reading of a channel at so many minutes, which took a minute to the cloud.
func (b *Board) takeAt(site, serial, channel string, minute int) {
	data := string(readingAt(base.Add(time.Duration(minute)*time.Minute), "4.7"))
	for old, new := range map[string]string{`"site":"Köln \"value\":9"`: `"site":"` + site + `"`, `"serial_no":"22"`: `"serial_no":"` + serial + `"`, `"channel_no":3`: `"channel_no":` + channel} {
		data = strings.Replace(data, old, new, 1)
	}
	b.sensors.take(site+serial+channel, []byte(data))
}

// readUntil has the board know that readings have been read up to so many minutes.
func (b *Board) readUntil(minute int) {
	at := base.Add(time.Duration(minute) * time.Minute)
	b.read(checkpoint.Record{Feed: "readings", Day: base.Format(time.DateOnly), Covered: []checkpoint.Interval{{From: base, Until: at, ReadAt: at, Route: "sync"}}})
}

// read has the board see a record.
func (b *Board) read(r checkpoint.Record) {
	b.records.entries["readings."+r.Day] = entry[checkpoint.Record]{value: r}
	b.stale = true
	b.renew()
}

// shownAs lists the sensors of a picture, the silent ones with an exclamation mark.
func shownAs(r Recent) string {
	var list []string
	for _, s := range r.Sensors {
		name := s.Site + s.Serial + "/" + s.Channel
		if s.Silent {
			name += "!"
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

func TestRowsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	b := New(nil, Config{Feeds: []schema.Feed{schema.Readings}})
	for _, at := range []int{0, 1} {
		b.takeAt("b", "1", "2", at)
		b.takeAt("a", "9", "1", at)
		b.takeAt("b", "1", "10", at)
		b.renew()
		if got := shownAs(b.Recent("")); got != "a9/1 b1/2 b1/10" {
			t.Errorf("at minute %d: %s", at, got)
		}
	}
	b.takeAt("b", "1", "2", 2)
	b.renew()
	if got := shownAs(b.Recent("")); got != "a9/1 b1/2 b1/10" {
		t.Errorf("after one of them has spoken: %s", got)
	}
	if got := shownAs(b.Newest("")); !strings.HasPrefix(got, "b1/2 ") {
		t.Errorf("the one that spoke last is first: %s", got)
	}
	if got := shownAs(b.Newest("9 temp")); got != "a9/1" {
		t.Errorf("a search finds %s", got)
	}
}

// TestSilentChannelsComeFirst: three cycles without a reading, as far as the feed has been read.
func TestSilentChannelsComeFirst(t *testing.T) {
	t.Parallel()
	b := New(nil, Config{Feeds: []schema.Feed{schema.Readings}})
	for minute := 0; minute <= 100; minute += 10 {
		b.takeAt("a", "1", "1", minute)
		if minute <= 60 {
			b.takeAt("z", "1", "1", minute)
		}
	}
	b.takeAt("y", "1", "1", 0) // may measure every hour
	b.readUntil(91)            // the last of z, three cycles, and a minute on the way
	if r := b.Recent(""); shownAs(r) != "a1/1 y1/1 z1/1" || r.Silent != 0 {
		t.Errorf("%s, %d silent", shownAs(r), r.Silent)
	}
	b.readUntil(92)
	if r := b.Recent(""); shownAs(r) != "z1/1! a1/1 y1/1" || r.Silent != 1 {
		t.Errorf("%s, %d silent", shownAs(r), r.Silent)
	}
	b.readUntil(200) // of which an hour and a half has not been read
	r := b.records.entries["readings."+base.Format(time.DateOnly)].value
	if before := shownAs(b.Recent("")); !strings.HasPrefix(before, "a1/1! ") {
		t.Errorf("%s", before)
	}
	since := base
	r.Since = &since
	r.Covered = []checkpoint.Interval{{From: base, Until: base.Add(110 * time.Minute), Route: "sync"}, {From: base.Add(190 * time.Minute), Until: base.Add(200 * time.Minute), Route: "sync"}}
	b.read(r)
	if r := b.Recent(""); shownAs(r) != "z1/1! a1/1 y1/1" {
		t.Errorf("what has not been read yet is no silence: %s", shownAs(r))
	}
	b.takeAt("z", "1", "1", 195)
	b.renew()
	if r := b.Recent(""); shownAs(r) != "a1/1 y1/1 z1/1" {
		t.Errorf("it has spoken again: %s", shownAs(r))
	}
}

func TestSearchFindsAlarmsToo(t *testing.T) {
	t.Parallel()
	b := New(nil, Config{Feeds: []schema.Feed{schema.Readings, schema.Alarms}})
	for i, severity := range []string{"warning", "alarm", "warning"} {
		data := fmt.Appendf(nil, `{"uuid":"u%d","site":"Köln","state":"raised","severity":%q,"condition":"Upper limit","sensor":{"serial_no":"22%d"},"quantity":"air_temperature","raised_at":%q}`,
			i, severity, i, base.Add(time.Duration(i)*time.Minute).Format(time.RFC3339))
		e, ok := schema.ReadAlarm(fmt.Sprint("u", i, ".alarm.t"), uint64(i+1), data)
		if !ok {
			t.Fatal("no alarm")
		}
		b.alarms.Take(e)
	}
	b.renew()
	for search, want := range map[string]int{"": 3, "KÖLN temp": 3, "221": 1, "exceeded warning": 2, "door": 0} {
		for name, r := range map[string]Recent{"by names": b.Recent(search), "newest": b.Newest(search)} {
			if len(r.Alarms) != want || r.Open != 3 || r.Severe != 1 {
				t.Errorf("%q %s: %d alarms of %d, %d severe", search, name, len(r.Alarms), r.Open, r.Severe)
			}
		}
	}
	if r := b.Recent("221"); r.Alarms[0].Text != "Upper limit exceeded" {
		t.Errorf("%+v", r.Alarms[0])
	}
}

// A channel is shown as silent where an event says so, whatever its own readings show.
func TestAnEventSaysThatAChannelIsSilent(t *testing.T) {
	t.Parallel()
	b := New(nil, Config{Names: publish.Names{Prefix: "saveris"}, Feeds: []schema.Feed{schema.Readings}})
	b.takeAt("a", "1", "1", 0)
	b.takeAt("a", "2", "1", 0)
	tenant := b.sensors.byKey["a21"].tenant.Value()
	b.silences = map[string]Silence{(&schema.Silence{Tenant: tenant, Site: "a", Serial: "2", Channel: "1"}).Subject("saveris"): {}}
	b.renew()
	if got := shownAs(b.Recent("")); got != "a2/1! a1/1" {
		t.Errorf("shown are %s", got)
	}
}
