package schema

import "bytes"

// unitCode is the UCUM code of a unit that the vendor is known to write, empty for any other. Words are known in any
// case; in symbols the case matters.
func unitCode(vendor []byte) string {
	name := bytes.TrimSpace(vendor)
	switch string(name) {
	case "°C":
		return "Cel"
	case "°F":
		return "[degF]"
	case "%rF", "%RH", "%":
		return "%"
	case "g/m³":
		return "g/m3"
	case "hPa":
		return "hPa"
	case "mbar":
		return "mbar"
	case "ppm":
		return "[ppm]"
	}
	switch {
	case bytes.EqualFold(name, []byte("celsius")):
		return "Cel"
	case bytes.EqualFold(name, []byte("fahrenheit")):
		return "[degF]"
	}
	return ""
}
