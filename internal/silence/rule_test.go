package silence

import (
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
)

// noon is the zero of these tests; at is so many minutes behind it.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func covered(bounds ...int) (list []checkpoint.Interval) {
	for i := 0; i < len(bounds); i += 2 {
		list = append(list, checkpoint.Interval{From: at(bounds[i]), Until: at(bounds[i+1])})
	}
	return list
}

// TestARuleSaysWhenAChannelIsDue: last reading, BRIDGE_SILENT_AFTER cycles, and the communication cycle.
func TestARuleSaysWhenAChannelIsDue(t *testing.T) {
	t.Parallel()
	quarter := fleet.Channel{Cycle: 15 * time.Minute, Communication: 30 * time.Minute, Known: at(-60)}
	for name, c := range map[string]struct {
		rule    Rule
		last    time.Time
		channel fleet.Channel
		want    time.Time
	}{
		"three cycles and one transmission": {3, at(0), quarter, at(75)},
		"one cycle":                         {1, at(0), quarter, at(45)},
		"no communication cycle is known":   {3, at(0), fleet.Channel{Cycle: 15 * time.Minute}, at(45)},
		"never had a reading":               {3, time.Time{}, quarter, at(15)},
		"never had one, not known since":    {3, time.Time{}, fleet.Channel{Cycle: time.Minute}, time.Time{}},
		"switched off by the setting":       {0, at(0), quarter, time.Time{}},
		"no cycle is known":                 {3, at(0), fleet.Channel{Communication: time.Minute, Known: at(0)}, time.Time{}},
		"cycles longer than a life":         {1000, at(0), fleet.Channel{Cycle: 30 * 365 * 24 * time.Hour, Communication: 250 * 365 * 24 * time.Hour}, at(0).Add(mostPatience)},
		"inactive or retired":               {3, at(0), fleet.Channel{Cycle: time.Minute, Known: at(0), Inactive: true}, time.Time{}},
	} {
		if got := c.rule.Due(c.last, c.channel); !got.Equal(c.want) {
			t.Errorf("%s: due at %v, want %v", name, got, c.want)
		}
	}
}

// TestAChannelIsSilentOnlyWhereItsReadingsHaveBeenLookedFor: the clock alone makes nothing silent.
func TestAChannelIsSilentOnlyWhereItsReadingsHaveBeenLookedFor(t *testing.T) {
	t.Parallel()
	channel := fleet.Channel{Cycle: 10 * time.Minute, Communication: 10 * time.Minute, Known: at(-20)} // due 40 minutes after its last
	for name, c := range map[string]struct {
		last    time.Time
		channel fleet.Channel
		now     Now
		want    bool
	}{
		"past it, and covered":                        {at(0), channel, Now{at(41), covered(-60, 41), at(-60)}, true},
		"at the very moment":                          {at(0), channel, Now{at(40), covered(-60, 40), at(-60)}, false},
		"past it, and covered to it exactly":          {at(0), channel, Now{at(41), covered(-60, 40), at(-60)}, true},
		"not covered to it yet":                       {at(0), channel, Now{at(60), covered(-60, 39), at(-60)}, false},
		"nothing is covered":                          {at(0), channel, Now{at(60), nil, at(-60)}, false},
		"a gap in which it may have been heard":       {at(0), channel, Now{at(60), covered(-60, 10, 20, 60), at(-60)}, false},
		"a gap after it was due":                      {at(0), channel, Now{at(90), covered(-60, 50, 70, 90), at(-60)}, true},
		"a gap before its last reading":               {at(0), channel, Now{at(60), covered(-60, -30, -20, 60), at(-60)}, true},
		"nobody answers for the time before":          {at(0), channel, Now{at(60), covered(20, 60), at(20)}, true},
		"due before anybody answered for it":          {at(-500), channel, Now{at(60), covered(20, 60), at(20)}, true},
		"never had a reading":                         {time.Time{}, channel, Now{at(21), covered(-60, 21), at(-60)}, true},
		"never had a reading, and may have one still": {time.Time{}, channel, Now{at(20), covered(-60, 20), at(-60)}, false},
		"inactive": {at(0), fleet.Channel{Cycle: time.Minute, Known: at(-20), Inactive: true}, Now{at(99), covered(-60, 99), at(-60)}, false},
	} {
		if got := Rule(3).Silent(c.last, c.channel, c.now); got != c.want {
			t.Errorf("%s: silent %v, want %v", name, got, c.want)
		}
	}
}

// TestWhatIsMissingAreTheSlotsLessWhatIsStored counts between the last reading and the one that resumed.
func TestWhatIsMissingAreTheSlotsLessWhatIsStored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		last, resumed time.Time
		cycle         time.Duration
		stored, want  int
	}{
		"the next one is no gap":        {at(0), at(10), 10 * time.Minute, 0, 0},
		"five slots between":            {at(0), at(60), 10 * time.Minute, 0, 5},
		"some of them are stored":       {at(0), at(60), 10 * time.Minute, 2, 3},
		"all of them, a burst":          {at(0), at(60), 10 * time.Minute, 5, 0},
		"more than were due":            {at(0), at(60), 10 * time.Minute, 50, 0},
		"a clock that drifts":           {at(0), at(64), 10 * time.Minute, 0, 5},
		"the other way":                 {at(0), at(56), 10 * time.Minute, 0, 5},
		"never had a reading":           {time.Time{}, at(60), 10 * time.Minute, 0, 0},
		"no cycle is known":             {at(0), at(60), 0, 0, 0},
		"a reading from before the gap": {at(0), at(-60), 10 * time.Minute, 0, 0},
	} {
		if got := Missing(c.last, c.resumed, c.cycle, c.stored); got != c.want {
			t.Errorf("%s: %d missing, want %d", name, got, c.want)
		}
	}
}
