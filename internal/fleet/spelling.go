package fleet

import (
	"maps"
	"strings"

	"saveris-bridge/internal/schema"
)

// Other names of columns. In flat rows every name stands for one column; in the objects of the synchronous answers a name
// belongs to its level.
var (
	flatNames = map[Kind]string{
		schema.KindDevice: `customer_site_uuid=customer_site device_equipment_uuid=equipment_uuid communication_log_time=device_communication_log_time
			is_ethernetprobe=device_is_ethernetprobe is_powersuppliable=device_is_powersuppliable is_powersupplieable=device_is_powersuppliable
			device_is_powersupplieable=device_is_powersuppliable is_wirelessprobe=device_is_wirelessprobe created_at=device_created_at
			physical_unit=channel_physical_unit physical_property_name=channel_physical_property_name
			physical_extension=channel_physical_extension physical_unit_exponent=channel_physical_unit_exponent
			attenuation=channel_attenuation is_external=channel_is_external is_calibration_possible=channel_is_calibration_possible
			channel_equipment_parts_uuid=equipment_parts_uuid`,
		schema.KindDeviceStatus: `customer_site_uuid=customer_site last_communication=last_communication_time
			next_communication=next_communication_time device_serial_no=serial_no device_model_code=model_code firmware_version=fw_version`,
		schema.KindSensorStatus: `customer_site_uuid=customer_site last_communication=last_communication_time
			next_communication=next_communication_time sensor_serial_no=serial_no sensor_model_code=model_code firmware_version=fw_version`,
		schema.KindMeasuringObject: `measuring_object_uuid=mo_uuid tenant_uuid=customer_uuid`,
		schema.KindLocation:        `location_name=name`,
	}
	nestedNames = map[Kind][]string{ // by level, before the flat ones
		schema.KindDevice: {``, `equipment_uuid=sensor_equipment_uuid equipment_parts_uuid=sensor_equipment_parts_uuid`, ``},
	}
)

// place is where a column stands: a level, and a cell of it, an extra, or none where nobody knows it.
type place struct {
	level int
	index int // of the shape; -1 = in "other"
	name  string
	form  form
	nest  bool // it holds the objects of the next level
}

// spelling knows where names of columns belong, by the folded name.
type spelling struct {
	levels []*shape
	flat   map[string]place
	nested []map[string]place // by level
}

var spellings = func() map[Kind]*spelling {
	all := map[Kind]*spelling{}
	for kind, s := range shapes {
		all[kind] = newSpelling(kind, s)
	}
	return all
}()

func newSpelling(kind Kind, s *shape) *spelling {
	sp := &spelling{flat: map[string]place{}}
	own := map[string]place{} // by the column's name, of any level
	for level := 0; s != nil; level, s = level+1, s.inner {
		sp.levels = append(sp.levels, s)
		nested := map[string]place{}
		for i, c := range append(append([]column{}, s.columns...), s.extras...) {
			p := place{level: level, index: i, name: c.name, form: c.form}
			sp.flat[fold(c.name)], nested[fold(c.name)], own[c.name] = p, p, p
		}
		if s.inner != nil {
			nested[fold(s.nest)] = place{level: level, index: -1, name: s.nest, nest: true}
		}
		sp.nested = append(sp.nested, nested)
	}
	for other, name := range renames(flatNames[kind]) {
		p := own[name]
		sp.flat[fold(other)], sp.nested[p.level][fold(other)] = p, p
	}
	for level, names := range nestedNames[kind] {
		for other, name := range renames(names) {
			sp.nested[level][fold(other)] = own[name]
		}
	}
	return sp
}

// levelOf returns the level of a column that nobody knows: by its first words, as in device_colour, else the deepest.
func (sp *spelling) levelOf(name string) int {
	level, longest := len(sp.levels)-1, 0
	for i, s := range sp.levels {
		words := s.id[0][:strings.LastIndexByte(s.id[0], '_')+1]
		if len(words) > longest && strings.HasPrefix(fold(name), fold(words)) {
			level, longest = i, len(words)
		}
	}
	return level
}

// renames reads other=name pairs.
func renames(pairs string) map[string]string {
	all := map[string]string{}
	for _, pair := range strings.Fields(pairs) {
		other, name, _ := strings.Cut(pair, "=")
		all[other] = name
	}
	return all
}

// fold returns a name without regard to case, _, - and blanks: the vendor has changed the spelling of names before.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '-' || r == ' ' || r == '\ufeff':
			return -1
		}
		return r
	}, name)
}

// What each route lacks of the columns of the current export, and has that those lack (document, 9 and 10). A route that is not
// here has just those columns.
var (
	oldProperties = `device_category device_supported_battery_types device_is_active device_measuring_cycle
		device_measuring_cycle_effective device_last_modified sensor_is_wired sensor_is_radio sensor_is_connected
		sensor_measuring_cycle sensor_measuring_cycle_effective sensor_last_modified channel_last_modified`
	oldStatus       = `status_time production_date battery_temperature `
	oldSensorStatus = oldStatus + `battery_voltage_mv battery_predicted_remaining_operating_days `
	syncSensor      = oldSensorStatus + `customer_site last_communication_time next_communication_time`

	routes = map[string]struct{ lacks, extras string }{
		"/v1/devices/properties":       {oldProperties, oldExtras},
		"/v1/devices/properties-async": {oldProperties, oldExtras},
		"/v3/devices/status":           {oldStatus, `fw_version last_measurement_time`},
		"/v2/devices/status":           {oldStatus, `fw_version last_measurement_time`},
		"/v2/devices/status-sync":      {oldStatus + `customer_site`, `fw_version last_measurement_time`},
		"/v3/sensors/status":           {oldSensorStatus, `fw_version`},
		"/v2/sensors/status":           {oldSensorStatus, `fw_version`},
		"/v2/sensors/status-sync":      {syncSensor, `fw_version`},
	}
	// The same path serves both lists.
	bothStatus = map[Kind]struct{ lacks, extras string }{
		schema.KindDeviceStatus: {oldStatus + `customer_site`, `fw_version last_measurement_time`},
		schema.KindSensorStatus: {syncSensor, `fw_version`},
	}
)

const oldExtras = `device_created_at sensor_is_active sensor_equipment_uuid sensor_equipment_parts_uuid channel_measurement_log_time limit_values_uuid`

// coverage is which columns an answer could have, by level: those of its route, and all that stood in it.
type coverage struct {
	cells []([]bool)        // by level and cell
	other []map[string]bool // by level and name
}

// newCoverage is one of an answer in which nothing stood.
func newCoverage(s *shape) *coverage {
	c := &coverage{}
	for ; s != nil; s = s.inner {
		c.cells, c.other = append(c.cells, make([]bool, len(s.columns))), append(c.other, map[string]bool{})
	}
	return c
}

// add adds what another one has.
func (c *coverage) add(more *coverage) {
	for level := range c.cells {
		for i, could := range more.cells[level] {
			c.cells[level][i] = c.cells[level][i] || could
		}
		maps.Copy(c.other[level], more.other[level])
	}
}

// coverageOf is the coverage of an endpoint by the vendor's document.
func coverageOf(kind Kind, endpoint string) *coverage {
	route := routes[endpoint]
	if endpoint == "/v1/devices/status" {
		route = bothStatus[kind]
	}
	lacks, extras := " "+strings.Join(strings.Fields(route.lacks), " ")+" ", strings.Fields(route.extras)
	c := newCoverage(shapes[kind])
	for level, s := 0, shapes[kind]; s != nil; level, s = level+1, s.inner {
		for i, col := range s.columns {
			c.cells[level][i] = !strings.Contains(lacks, " "+col.name+" ")
			c.other[level][col.name] = c.cells[level][i] // where its value is none
		}
		for _, name := range extras {
			if _, here := s.index[name]; here {
				c.other[level][name] = true
			}
		}
	}
	return c
}
