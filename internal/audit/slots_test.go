package audit

import "testing"

const minute = 60_000

// TestSlotsAreCountedByTheReadingsThatFillThem: a day of a hundred minutes, in which a reading is due every ten.
func TestSlotsAreCountedByTheReadingsThatFillThem(t *testing.T) {
	t.Parallel()
	const begin, end = 1_000_000 * minute, 1_000_100 * minute
	for name, x := range map[string]struct {
		next         int64 // minute of the slot that is expected first, 0 = not known
		loose        bool  // due from then on, whatever its place in the cycle
		at           []float64
		due, missing uint32
	}{
		"all there":                  {0, false, []float64{3, 13, 23, 33, 43, 53, 63, 73, 83, 93}, 10, 0},
		"a known slot is missing":    {3, false, []float64{13, 23, 33, 43, 53, 63, 73, 83, 93}, 10, 1},
		"due from the beginning":     {0, true, []float64{23, 33, 43, 53, 63, 73, 83, 93}, 10, 2},
		"on the beginning":           {0, true, []float64{10, 20, 30, 40, 50, 60, 70, 80, 90}, 10, 1},
		"new, nothing before it":     {0, false, []float64{53, 63, 73, 83, 93}, 5, 0},
		"a hole":                     {0, false, []float64{3, 13, 63, 73, 83, 93}, 10, 4},
		"a hole at the end":          {0, false, []float64{3, 13, 23}, 10, 7},
		"nothing at all":             {0, true, nil, 10, 10},
		"clocks drift":               {0, false, []float64{0, 10.2, 20.5, 30.7, 41, 51, 61.4, 71, 81.7, 91.9}, 10, 0},
		"made by hand in between":    {0, false, []float64{3, 7, 13, 13.1, 23, 33, 43, 53, 63, 73, 83, 93}, 10, 0},
		"twice, and one is missing":  {0, false, []float64{3, 3, 13, 13, 33, 43, 53, 63, 73, 83, 93}, 10, 1},
		"late, but nearest to it":    {0, false, []float64{3, 13, 27, 37, 47, 57, 67, 77, 87, 97}, 10, 0},
		"another place in the cycle": {0, false, []float64{3, 13, 29, 39, 49, 59, 69, 79, 89, 99}, 11, 1},
	} {
		s := slots{next: begin + x.next*minute, loose: x.loose}
		if x.next == 0 && !x.loose {
			s = slots{}
		}
		n := counting{from: begin, end: end}
		cycle := func(int64) state { return state{cycle: 10 * minute} }
		for _, at := range x.at {
			s.read(begin+int64(at*minute), cycle, &n)
		}
		s.close(end, cycle, &n)
		if n.due != x.due || n.missing != x.missing {
			t.Errorf("%s: %d due and %d missing, want %d and %d", name, n.due, n.missing, x.due, x.missing)
		}
	}
}

// TestASecondAtMidnightMakesNothingMissing: what is due a moment before midnight is looked for in the next day too.
func TestASecondAtMidnightMakesNothingMissing(t *testing.T) {
	t.Parallel()
	const midnight = 1_000_000 * minute
	cycle := func(int64) state { return state{cycle: 10 * minute} }
	for _, jitter := range []int64{-2000, 0, 2000} {
		n := counting{from: 0, end: 2 * midnight}
		s := slots{}
		s.read(midnight-10*minute-1000, cycle, &n)
		s.close(midnight, cycle, &n)
		s.read(midnight+jitter, cycle, &n)
		if n.due != 2 || n.missing != 0 {
			t.Errorf("%d ms after midnight: %d due, %d missing", jitter, n.due, n.missing)
		}
	}
}

// TestSlotsOutsideOfTheRangeAreNotMissing: nor are those that are not settled, or at which the channel was not active.
func TestSlotsOutsideOfTheRangeAreNotMissing(t *testing.T) {
	t.Parallel()
	cycle := func(int64) state { return state{cycle: 10 * minute} }
	n := counting{from: 1000 * minute, end: 1050 * minute}
	s := slots{next: 900 * minute}
	s.close(1100*minute, cycle, &n)
	if n.due != 5 || n.missing != 5 {
		t.Errorf("%d due, %d missing, want the 5 of 1000 to 1050", n.due, n.missing)
	}
	s = slots{next: 1060 * minute}
	s.read(1070*minute, cycle, &n) // it is there, so it was due
	if n.due != 6 || n.missing != 5 {
		t.Errorf("%d due, %d missing", n.due, n.missing)
	}
}

func TestACycleThatChangesIsFollowed(t *testing.T) {
	t.Parallel()
	cycle := func(at int64) state {
		if at < 1060*minute {
			return state{cycle: 10 * minute}
		}
		return state{cycle: 5 * minute}
	}
	n := counting{from: 1000 * minute, end: 1100 * minute}
	s := slots{next: 1000 * minute}
	for at := int64(1000); at < 1060; at += 10 {
		s.read(at*minute, cycle, &n)
	}
	for at := int64(1060); at < 1090; at += 5 {
		s.read(at*minute, cycle, &n)
	}
	s.close(1100*minute, cycle, &n)
	if n.due != 14 || n.missing != 2 {
		t.Errorf("%d due, %d missing, want 6 + 8 and 2", n.due, n.missing)
	}
}

// TestNothingIsDueWhileAChannelIsOff: but what comes all the same was due.
func TestNothingIsDueWhileAChannelIsOff(t *testing.T) {
	t.Parallel()
	inForce := func(at int64) state {
		return state{cycle: 10 * minute, off: at >= 1025*minute && at < 1063*minute || at >= 1085*minute, until: map[bool]int64{true: 1063 * minute, false: never}[at < 1085*minute]}
	}
	for name, x := range map[string]struct {
		at           []int64
		due, missing uint32
	}{
		"as it should be":      {[]int64{1000, 1010, 1020, 1067, 1077}, 5, 0},
		"on again, but silent": {[]int64{1000, 1010, 1020}, 6, 3},
		"missing before":       {[]int64{1000, 1067, 1077}, 5, 2},
		"missing behind":       {[]int64{1000, 1010, 1020, 1077}, 5, 1},
		"it came while off":    {[]int64{1000, 1010, 1020, 1030, 1031, 1040, 1067, 1077, 1087, 1097}, 9, 0},
		"nothing at all":       {nil, 6, 6},
	} {
		n := counting{from: 1000 * minute, end: 1100 * minute}
		s := slots{next: 1000 * minute, loose: true}
		for _, at := range x.at {
			s.read(at*minute, inForce, &n)
		}
		s.close(1100*minute, inForce, &n)
		if n.due != x.due || n.missing != x.missing {
			t.Errorf("%s: %d due and %d missing, want %d and %d", name, n.due, n.missing, x.due, x.missing)
		}
	}
}

func TestTheMostFrequentDistance(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		times    []int64
		distance int64
		n        int
	}{
		{nil, 0, 0},
		{[]int64{5000}, 0, 0},
		{[]int64{0, 900_000, 1_800_000, 5_400_000}, 900_000, 2},
		{[]int64{0, 900_200, 1_799_900, 2_700_400}, 900_000, 2}, // to the second: 900, 900 and 901
		{[]int64{0, 0, 0, 60_000}, 60_000, 1},
		{[]int64{0, 60_000, 180_000}, 60_000, 1}, // of several the shortest
	} {
		if distance, n := mostFrequent(x.times); distance != x.distance || n != x.n {
			t.Errorf("%v: %d, %d times, want %d, %d times", x.times, distance, n, x.distance, x.n)
		}
	}
}
