package fleet

import (
	"strings"
	"time"
	"unicode/utf8"

	"saveris-bridge/internal/schema"
)

// PlaceKinds are the kinds of things that a Directory and a History are made of, in no order.
var PlaceKinds = []Kind{schema.KindTenant, schema.KindLocation, schema.KindEquipment, schema.KindDevice}

// placeShapes are the shapes of PlaceKinds with what a Directory and a History need of them: about half.
var placeShapes = func() map[Kind]*shape {
	wanted, parts := map[string]bool{}, map[Kind]*shape{}
	for _, name := range strings.Fields(`tenant_uuid organisation_id organisation_name main_timezone
		location_uuid name
		equipment_uuid equipment_title area_title is_active equipment_parts_uuid equipment_parts_title
		display_unit lower_violation lower_warning upper_warning upper_violation valid_from_time valid_until_time
		customer_site device_uuid device_serial_no device_display_name device_is_active device_communication_log_time
		device_measuring_cycle device_measuring_cycle_effective
		sensor_uuid sensor_serial_no sensor_model_code sensor_display_name sensor_is_active sensor_measuring_cycle
		sensor_measuring_cycle_effective
		channel_no channel_physical_unit channel_physical_property_name channel_physical_extension channel_measurement_log_time`) {
		wanted[name] = true
	}
	for _, kind := range PlaceKinds {
		parts[kind] = shapes[kind].part(wanted)
	}
	return parts
}()

// NewPlaces returns an inventory of PlaceKinds that knows nothing. It keeps of each thing only what Directory needs, and compares
// nothing.
func NewPlaces() *Inventory {
	inv := NewInventory()
	inv.shapes = placeShapes
	return inv
}

// maker makes places out of what is known.
type maker struct {
	tenants   map[string]*object
	sites     map[string]string // names, by uuid of the location or by the customer's own number, where that is one tenant's alone
	numbers   map[string]string // whose the customers' own numbers are: uuid of the tenant, or several
	equipment map[string]*object
	parts     map[string]partEntry
	zones     map[string]*time.Location // nil: not known
	limits    map[*object][]limit       // of equipment parts
	equal     map[string][]limit        // that many parts share
	shared    map[string]string         // texts of names
	room      []byte                    // to write one in
}

type partEntry struct{ equipment, part *object }

func newMaker() *maker {
	return &maker{
		tenants: map[string]*object{}, sites: map[string]string{}, numbers: map[string]string{}, equipment: map[string]*object{}, parts: map[string]partEntry{},
		zones: map[string]*time.Location{}, limits: map[*object][]limit{}, equal: map[string][]limit{}, shared: map[string]string{},
	}
}

// makerOf makes one that knows what an inventory does.
func makerOf(inv *Inventory) *maker {
	m := newMaker()
	for _, kind := range []Kind{schema.KindTenant, schema.KindLocation, schema.KindEquipment} {
		for _, doc := range inv.living(kind) {
			m.take(kind, doc)
		}
	}
	return m
}

// take takes over a thing after which places are named.
func (m *maker) take(kind Kind, doc *object) {
	switch kind {
	case schema.KindTenant:
		m.tenants[doc.get("tenant_uuid")] = doc
		m.number(doc)
	case schema.KindLocation:
		m.site(doc.get("location_uuid"), doc.get("name"))
	case schema.KindEquipment:
		m.equipment[doc.get("equipment_uuid")] = doc
		for _, part := range doc.inner {
			m.parts[part.get("equipment_parts_uuid")] = partEntry{doc, part}
		}
	}
}

// several stands for more tenants than one.
const several = "several"

// number takes over what a tenant's own number names.
func (m *maker) number(tenant *object) {
	number, uuid, name := tenant.get("organisation_id"), tenant.get("tenant_uuid"), tenant.get("organisation_name")
	if whose, taken := m.numbers[number]; taken && whose != uuid {
		uuid, name = several, ""
	}
	m.numbers[number] = uuid
	m.site(number, name)
}

// siteOf is what the site of a device is called. A tenant's own number is meant before another's.
func (m *maker) siteOf(device, tenant *object) string {
	site := device.get("customer_site")
	if site != "" && nameIn(tenant, "organisation_id") == site {
		return tenant.get("organisation_name")
	}
	return m.sites[site]
}

func (m *maker) site(key, name string) {
	if key != "" {
		m.sites[key] = name
	}
}

// drop forgets equipment that is another one now, or gone.
func (m *maker) drop(equipment *object) {
	if uuid := equipment.get("equipment_uuid"); m.equipment[uuid] == equipment {
		delete(m.equipment, uuid)
	}
	for _, part := range equipment.inner {
		delete(m.limits, part)
		if uuid := part.get("equipment_parts_uuid"); m.parts[uuid].part == part {
			delete(m.parts, uuid)
		}
	}
}

// place is that of a channel, or of a sensor or device where those below are nil.
func (m *maker) place(device, sensor, channel *object) *Place {
	p := &Place{}
	var part, equipment *object
	if channel != nil {
		found := m.parts[channel.get("equipment_parts_uuid")]
		part, equipment = found.part, found.equipment
		p.unit = schema.UnitCode([]byte(channel.get("channel_physical_unit")))
	}
	if equipment == nil {
		equipment = m.equipment[device.get("equipment_uuid")]
	}
	tenant := m.tenants[device.get("tenant_uuid")]
	p.names = m.text(
		nameIn(tenant, "organisation_name"), m.siteOf(device, tenant), nameIn(device, "device_display_name"),
		nameIn(sensor, "sensor_display_name"), nameIn(equipment, "equipment_title"), nameIn(part, "equipment_parts_title"),
		nameIn(equipment, "area_title"),
	)
	if part != nil && equipment.get("is_active") != "false" {
		p.zone, p.limits = m.zone(nameIn(tenant, "main_timezone")), m.limitsOf(part)
	}
	return p
}

func nameIn(o *object, column string) string {
	if o == nil {
		return ""
	}
	return o.get(column)
}

// names are the members of the object, in its order.
var names = [...]string{"tenant", "site", "device", "sensor", "equipment", "part", "area"}

// longestName is how many bytes of a name an event has. Longer ones could keep events from being stored, which are no larger than a message
// may be without their names.
const longestName = 1000

func cutName(name string) string {
	if len(name) <= longestName {
		return name
	}
	end := longestName
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

// text writes names as JSON. Places of the same names share it.
func (m *maker) text(values ...string) string {
	b, known := append(m.room[:0], '{'), false
	for i, value := range values {
		b = appendName(b, 1, names[i])
		if value == "" {
			b = append(b, "null"...)
			continue
		}
		known = true
		b = schema.AppendText(b, []byte(cutName(value)))
	}
	if !known {
		return "null"
	}
	b = append(b, '}')
	m.room = b
	if shared, there := m.shared[string(b)]; there {
		return shared
	}
	text := string(b)
	m.shared[text] = text
	return text
}

// zone returns the place of a name; nil where it is none.
func (m *maker) zone(name string) *time.Location {
	zone, tried := m.zones[name]
	if !tried {
		if loaded, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
			zone = loaded
		}
		m.zones[name] = zone
	}
	return zone
}
