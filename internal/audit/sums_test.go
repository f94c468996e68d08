package audit

import (
	"encoding/json"
	"math"
	"testing"
)

// Mean kinetic temperatures in Cel, worked out apart with forty digits.
const (
	mktOf5And25    = 19.69772136370877569
	mktOf2And4And8 = 5.055631847051644412
)

func TestSumsOfValues(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		values                 []float64
		unit                   string
		least, mean, most, mkt float64
	}{
		"one":             {[]float64{4.7}, "Cel", 4.7, 4.7, 4.7, 4.7},
		"alike":           {[]float64{25, 25, 25}, "Cel", 25, 25, 25, 25},
		"5 and 25":        {[]float64{5, 25}, "Cel", 5, 15, 25, mktOf5And25},
		"2, 4 and 8":      {[]float64{2, 4, 8}, "Cel", 2, 14.0 / 3, 8, mktOf2And4And8},
		"in Fahrenheit":   {[]float64{41, 77}, "[degF]", 41, 59, 77, mktOf5And25*9/5 + 32},
		"no temperature":  {[]float64{40, 60}, "%", 40, 50, 60, math.NaN()},
		"colder than 0 K": {[]float64{5, -999}, "Cel", -999, -497, 5, math.NaN()},
		"only 0 K":        {[]float64{-273.15}, "Cel", -273.15, -273.15, -273.15, math.NaN()},
		"too hot to tell": {[]float64{1e300}, "Cel", 1e300, 1e300, 1e300, math.NaN()},
		"too much to sum": {[]float64{1e308, 1e308}, "%", 1e308, math.NaN(), 1e308, math.NaN()},
		"none is no 0":    {[]float64{math.NaN(), 3, math.NaN()}, "Cel", 3, 3, 3, 3},
	} {
		var s sums
		for _, v := range x.values {
			s.add(v, kelvin(v, x.unit))
		}
		mkt := fromKelvin(s.mkt(), x.unit)
		if s.least != x.least || s.most != x.most || !near(s.mean(), x.mean) || !near(mkt, x.mkt) {
			t.Errorf("%s: %v, %v, %v, %v, want %v, %v, %v, %v", name, s.least, s.mean(), s.most, mkt, x.least, x.mean, x.most, x.mkt)
		}
	}
}

// Whatever a broken sensor sends: a report without one number is better than none.
func TestAnImpossibleValueKeepsNoReportFromBeingWritten(t *testing.T) {
	t.Parallel()
	for _, values := range [][]float64{{-999}, {1e300}, {1e308, 1e308}, {-1e308, -1e308}} {
		var s sums
		for _, v := range values {
			s.add(v, kelvin(v, "Cel"))
		}
		var f figures
		f.sums(s, isTemperature, "Cel")
		if text, err := json.Marshal(f); err != nil || f.Min == nil || f.MKT != nil {
			t.Errorf("%v: %s, %v, want the least value and no mean kinetic temperature", values, text, err)
		}
	}
}

func near(a, b float64) bool {
	return math.Abs(a-b) < 1e-9 || math.IsNaN(a) && math.IsNaN(b)
}

func TestSumsOfDaysAreThoseOfTheRange(t *testing.T) {
	t.Parallel()
	values := []float64{2, 8.5, -18.25, 4, 7.75, 30}
	var all, first, second, none, days sums
	for i, v := range values {
		all.add(v, kelvin(v, "Cel"))
		if i < 2 {
			first.add(v, kelvin(v, "Cel"))
		} else {
			second.add(v, kelvin(v, "Cel"))
		}
	}
	for _, s := range []sums{none, first, none, second} {
		days.merge(s)
	}
	if days.n != all.n || days.least != all.least || days.most != all.most || !near(days.mean(), all.mean()) || !near(days.mkt(), all.mkt()) {
		t.Errorf("%+v, want %+v", days, all)
	}
}

func TestOutsideOfLimits(t *testing.T) {
	t.Parallel()
	two, seven := 2.0, 7.0
	for _, x := range []struct {
		value        float64
		lower, upper *float64
		want         bool
	}{
		{2, &two, &seven, false}, {7, &two, &seven, false}, {1.99, &two, &seven, true}, {7.01, &two, &seven, true},
		{-40, nil, &seven, false}, {40, &two, nil, false}, {40, nil, nil, false}, {math.NaN(), &two, &seven, false},
	} {
		if got := outside(x.value, x.lower, x.upper); got != x.want {
			t.Errorf("%v: %v", x.value, got)
		}
	}
}

// TestValuesAreSummedInTheUnitOfTheChannel: what cannot be turned into it is left out, and said.
func TestValuesAreSummedInTheUnitOfTheChannel(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		of, unit string
		want     float64
	}{
		{"Cel", "Cel", 50}, {"Cel", "", 50}, {"Cel", "[degF]", 10}, {"[degF]", "Cel", 122}, {"hPa", "mbar", 50}, {"mbar", "hPa", 50},
		{"hPa", "Cel", math.NaN()}, {"%", "g/m3", math.NaN()},
	} {
		c := &channel{Channel: Channel{Unit: x.of}}
		if got := c.inUnit(50, x.unit); !near(got, x.want) || c.units != math.IsNaN(x.want) {
			t.Errorf("50 %s in %s: %v, left out: %v", x.unit, x.of, got, c.units)
		}
	}
}
