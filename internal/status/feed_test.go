package status

import (
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

func TestOnlyAPollIsTheLastPoll(t *testing.T) {
	t.Parallel()
	now := base.Add(12 * time.Hour)
	poll := span(10*time.Hour, 11*time.Hour, 11*time.Hour)
	for name, c := range map[string]struct {
		more []checkpoint.Interval
		want time.Duration
	}{
		"a poll":                      {nil, 11 * time.Hour},
		"a day that was filled since": {[]checkpoint.Interval{span(-30*time.Hour, -28*time.Hour, 12*time.Hour)}, 11 * time.Hour},
		"an hour that was read again": {[]checkpoint.Interval{span(8*time.Hour, 9*time.Hour, 12*time.Hour)}, 11 * time.Hour},
		"polls that were joined":      {[]checkpoint.Interval{span(11*time.Hour, 11*time.Hour+6*time.Minute, 11*time.Hour+time.Minute)}, 11*time.Hour + 6*time.Minute},
		"a poll that took long":       {[]checkpoint.Interval{span(11*time.Hour, 11*time.Hour+6*time.Minute, 11*time.Hour+7*time.Minute)}, 11*time.Hour + 7*time.Minute},
		"a clock a little ahead":      {[]checkpoint.Interval{span(11*time.Hour, 12*time.Hour+time.Minute, 12*time.Hour+time.Minute)}, 12*time.Hour + time.Minute},
		"a clock that was ahead once": {[]checkpoint.Interval{span(11*time.Hour, 15*time.Hour, 15*time.Hour)}, 11 * time.Hour},
		"what is left of such a poll": {[]checkpoint.Interval{span(11*time.Hour, 12*time.Hour, 15*time.Hour)}, 11 * time.Hour},
		"one joined to such a poll":   {[]checkpoint.Interval{span(11*time.Hour, 12*time.Hour+4*time.Minute, 11*time.Hour+58*time.Minute)}, 11*time.Hour + 58*time.Minute},
	} {
		records := map[string]entry[checkpoint.Record]{}
		for _, iv := range append([]checkpoint.Interval{poll}, c.more...) {
			day := checkpoint.DayOf(iv.From)
			r := records["readings."+day].value
			r.Day, r.Covered = day, checkpoint.Cover(r.Covered, iv, nil)
			records["readings."+day] = entry[checkpoint.Record]{value: r}
		}
		f := sumUp(schema.Readings, records, now)
		if f.ReadAt == nil || !f.ReadAt.Equal(base.Add(c.want)) {
			t.Errorf("%s: polled last at %v, want %v", name, f.ReadAt, base.Add(c.want))
		}
	}
	ahead := map[string]entry[checkpoint.Record]{"readings.x": {value: checkpoint.Record{Covered: []checkpoint.Interval{span(0, 15*time.Hour, 15*time.Hour)}}}}
	if f := sumUp(schema.Readings, ahead, now); f.ReadAt != nil || f.CoveredUntil == nil {
		t.Errorf("nobody has polled: %v, covered until %v", f.ReadAt, f.CoveredUntil)
	}
}

func TestADayThatIsPartlyReadIsNamed(t *testing.T) {
	t.Parallel()
	midnight := base.Truncate(24 * time.Hour)
	span := func(from, until, read time.Duration) checkpoint.Interval {
		return checkpoint.Interval{From: midnight.Add(from), Until: midnight.Add(until), ReadAt: midnight.Add(read), Route: "sync"}
	}
	records := map[string]entry[checkpoint.Record]{}
	for i, covered := range [][]checkpoint.Interval{
		{span(18*time.Hour, 24*time.Hour, 24*time.Hour)}, // the first day begins where the first start has
		{span(24*time.Hour, 34*time.Hour, 48*time.Hour), span(34*time.Hour, 48*time.Hour, 48*time.Hour)},
		nil, // rows alone
		{span(72*time.Hour, 73*time.Hour, 96*time.Hour), span(74*time.Hour, 96*time.Hour, 96*time.Hour)},
		{span(96*time.Hour, 97*time.Hour, 97*time.Hour)}, // today
	} {
		day := midnight.AddDate(0, 0, i).Format(time.DateOnly)
		records["readings."+day] = entry[checkpoint.Record]{value: checkpoint.Record{Day: day, Covered: covered}}
	}
	f := sumUp(schema.Readings, records, midnight.Add(97*time.Hour))
	if len(f.Partly) != 2 || f.Partly[0].Day != midnight.Format(time.DateOnly) || f.Partly[0].Covered != 0.25 || f.Partly[1].Day != midnight.AddDate(0, 0, 3).Format(time.DateOnly) {
		t.Errorf("%+v", f.Partly)
	}
}

// span is an interval that begins, ends and was read so long after base.
func span(from, until, read time.Duration) checkpoint.Interval {
	return checkpoint.Interval{From: base.Add(from), Until: base.Add(until), ReadAt: base.Add(read), Route: "sync"}
}
