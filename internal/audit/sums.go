package audit

import "math"

// activation is the activation energy of 83.144 kJ/mol divided by the gas constant of 8.3144 J/(mol K), in kelvin.
const activation = 10_000

// sums are those of the values of one day or more.
type sums struct {
	n                  uint32
	least, most, total float64
	kinetic            float64 // sum of exp(-activation/T)
}

// add adds a value and its temperature in kelvin; a value that is NaN is none. One that no temperature can have leaves no mkt.
func (s *sums) add(value, kelvin float64) {
	if math.IsNaN(value) {
		return
	}
	if s.n == 0 {
		s.least, s.most = value, value
	}
	s.n++
	s.least, s.most, s.total = min(s.least, value), max(s.most, value), s.total+value
	if kelvin <= 0 {
		kelvin = math.NaN()
	}
	s.kinetic += math.Exp(-activation / kelvin)
}

// merge adds the sums of another time.
func (s *sums) merge(other sums) {
	if other.n == 0 {
		return
	}
	if s.n == 0 {
		*s = other
		return
	}
	s.least, s.most = min(s.least, other.least), max(s.most, other.most)
	s.n, s.total, s.kinetic = s.n+other.n, s.total+other.total, s.kinetic+other.kinetic
}

// mean is NaN where there is no value, or the values are too great for a sum.
func (s *sums) mean() float64 { return finite(s.total / float64(s.n)) }

// mkt is the mean kinetic temperature in kelvin; NaN where there is none.
func (s *sums) mkt() float64 { return finite(activation / -math.Log(s.kinetic/float64(s.n))) }

// finite returns NaN for an infinity, which no report can hold.
func finite(x float64) float64 {
	if math.IsInf(x, 0) {
		return math.NaN()
	}
	return x
}

// kelvin turns a temperature in a unit (a UCUM code) into kelvin; NaN if the unit is none of temperature.
func kelvin(value float64, unit string) float64 {
	switch unit {
	case "Cel":
		return value + 273.15
	case "[degF]":
		return (value + 459.67) * 5 / 9
	}
	return math.NaN()
}

// fromKelvin turns a temperature back into a unit that kelvin knows.
func fromKelvin(value float64, unit string) float64 {
	if unit == "[degF]" {
		return value*9/5 - 459.67
	}
	return value - 273.15
}
