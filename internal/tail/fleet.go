package tail

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// Change is a change of one thing of the fleet, in words for people. Its texts are the vendor's: whoever shows them has to escape
// them.
type Change struct {
	At      time.Time
	Kind    schema.FleetKind
	Key     string // see schema.FleetChange
	Name    string // what people call it; empty where that is not known
	Site    string // likewise
	Text    string // what has changed
	New     bool
	Removed bool

	Serials  []string // of a device's sensors; of a status, whose it is
	Channels int      // of a device
	Due      []string // its channels of which readings are due, as ChannelKey has them: all but those that are switched off
	Battery  *int     // of a status, in percent; nil where it has none
	Low      bool     // the battery has fallen to LowBattery or below
	Renewed  bool     // and is above it again
}

// LowBattery is the level of a battery, in percent, from which on it is low.
const LowBattery = 20

// Fleet remembers what documents call devices, sensors and sites, as far as changes of them were taken. One goroutine at a time may
// use it.
type Fleet struct {
	things map[string]thing  // devices and sensors by serial number
	sites  map[string]string // names by uuid, or by tenant and his own number
	low    map[string]bool   // batteries, by kind and key
}

// thing is a device or a sensor.
type thing struct{ name, site string } // the site's uuid

// NewFleet returns one that knows nothing.
func NewFleet() *Fleet {
	return &Fleet{things: map[string]thing{}, sites: map[string]string{}, low: map[string]bool{}}
}

// fleetData is the data of a change.
type fleetData struct {
	Kind     schema.FleetKind `json:"kind"`
	Key      string           `json:"key"`
	Document document         `json:"document"`
	Changed  []string         `json:"changed"`
	Removed  bool             `json:"removed"`
}

// document is the thing, with json.Number for numbers.
type document map[string]any

// text returns a column as text; empty for what is no text and no number.
func (d document) text(column string) string {
	switch v := d[column].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// inner returns the objects in a list.
func (d document) inner(list string) (objects []document) {
	all, _ := d[list].([]any)
	for _, one := range all {
		if object, ok := one.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

// Take takes the data of a change over, with the time of its event, and puts it into words.
func (f *Fleet) Take(data []byte, at time.Time) (Change, error) {
	var d fleetData
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&d); err != nil {
		return Change{}, fmt.Errorf("data of a change of the fleet: %w", err)
	}
	c := Change{At: at, Kind: d.Kind, Key: d.Key, Removed: d.Removed, New: !d.Removed && len(d.Changed) == 0}
	was := f.name(&c, &d)
	f.battery(&c, &d)
	switch {
	case c.Removed:
		c.Text = kindName(c.Kind) + " removed"
	case c.New && c.Low:
		c.Text = c.charge()
	case c.New:
		c.Text = kindName(c.Kind) + " new"
	default:
		c.Text = f.changes(&c, &d, was)
	}
	return c, nil
}

// charge returns in words how full the battery is.
func (c *Change) charge() string {
	what := "battery"
	switch {
	case c.Low:
		what = "battery low,"
	case c.Renewed:
		what = "battery changed,"
	}
	return fmt.Sprintf("%s %d %%", what, *c.Battery)
}

// name finds out what the thing is called, remembers it, and returns what it was before.
func (f *Fleet) name(c *Change, d *fleetData) (was thing) {
	site := f.siteOf(d.Document)
	switch c.Kind {
	case schema.KindTenant:
		c.Name = d.Document.text("organisation_name")
		if own := ownNumber(d.Document, "organisation_id"); own != "" {
			f.sites[own] = c.Name
		}
	case schema.KindLocation:
		c.Name = d.Document.text("name")
		f.sites[d.Document.text("location_uuid")] = c.Name
	case schema.KindEquipment:
		c.Name = d.Document.text("equipment_title")
	case schema.KindDevice:
		c.Name = d.Document.text("device_display_name")
		was = f.remember(d.Document.text("device_serial_no"), thing{name: c.Name, site: site})
		for _, sensor := range d.Document.inner("sensors") {
			serial := sensor.text("sensor_serial_no")
			f.remember(serial, thing{name: sensor.text("sensor_display_name"), site: site})
			c.Serials, c.Channels = append(c.Serials, serial), c.Channels+len(sensor.inner("channels"))
			c.Due = append(c.Due, due(d.Document, sensor)...)
		}
	case schema.KindDeviceStatus, schema.KindSensorStatus:
		serial := d.Document.text("serial_no")
		known := f.things[serial]
		c.Serials = []string{serial}
		c.Name, site = known.name, cmp.Or(site, known.site)
	}
	c.Site = f.SiteName(site)
	return was
}

// siteOf is what the site of a thing is known by.
func (f *Fleet) siteOf(d document) string {
	if own := ownNumber(d, "customer_site"); f.sites[own] != "" {
		return own
	}
	return d.text("customer_site")
}

// ownNumber is a customer's own number, which may be what devices have for a site: it is his alone. It is empty where there is none.
func ownNumber(d document, column string) string {
	if d.text(column) == "" {
		return ""
	}
	return d.text("tenant_uuid") + " " + d.text(column)
}

// ChannelKey is what tells a channel from all others: the sensor's uuid and its number.
func ChannelKey(sensor, channel string) string { return strings.ToLower(sensor) + "/" + channel }

// due are the channels of a sensor, none where it or its device is switched off.
func due(device, sensor document) (keys []string) {
	other, _ := sensor["other"].(map[string]any)
	if device["device_is_active"] == false || sensor["sensor_is_active"] == false || other["sensor_is_active"] == false {
		return nil
	}
	for _, channel := range sensor.inner("channels") {
		keys = append(keys, ChannelKey(sensor.text("sensor_uuid"), channel.text("channel_no")))
	}
	return keys
}

func (f *Fleet) remember(serial string, now thing) (was thing) {
	was = f.things[serial]
	f.things[serial] = now
	return was
}

// Sites returns one that knows what sites are called, and nothing else.
func (f *Fleet) Sites() *Fleet {
	sites := NewFleet()
	maps.Copy(sites.sites, f.sites)
	return sites
}

// SiteName returns what people call a site, or the site itself where that is not known.
func (f *Fleet) SiteName(site string) string { return cmp.Or(f.sites[site], site) }

// NameOf returns what people call the device or sensor of a serial number, and its site; empty where that is not known.
func (f *Fleet) NameOf(serial string) (name, site string) {
	known := f.things[serial]
	return known.name, f.SiteName(known.site)
}

// battery finds out how full the battery is, and whether it has become low.
func (f *Fleet) battery(c *Change, d *fleetData) {
	level, err := strconv.Atoi(d.Document.text("battery_level_percent"))
	if err != nil {
		return
	}
	key := string(c.Kind) + "." + c.Key
	was, low := f.low[key], level <= LowBattery && !c.Removed
	c.Battery, c.Low, c.Renewed = &level, low && !was, was && !low
	if delete(f.low, key); low {
		f.low[key] = true
	}
}

// kindName is what people call things of a kind.
func kindName(kind schema.FleetKind) string { return strings.ReplaceAll(string(kind), "_", " ") }

// mostChanges is how many columns a text names.
const mostChanges = 4

// changes names what has changed.
func (f *Fleet) changes(c *Change, d *fleetData, was thing) string {
	var texts []string
	for _, pointer := range d.Changed {
		path := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
		if text := f.changed(c, d, path, was); text != "" {
			texts = append(texts, text)
		}
	}
	if more := len(texts) - mostChanges; more > 0 {
		texts = append(texts[:mostChanges], fmt.Sprintf("and %d more", more))
	}
	if len(texts) == 0 && len(d.Changed) > 0 {
		return kindName(d.Kind) + " changed"
	}
	return strings.Join(texts, ", ")
}

// changed names one column and what it holds now; empty for a uuid, whose change another column tells of.
func (f *Fleet) changed(c *Change, d *fleetData, path []string, was thing) string {
	column, value := path[len(path)-1], valueAt(map[string]any(d.Document), path)
	switch column {
	case "device_display_name":
		return "renamed" + before(was.name, shown(value))
	case "sensor_display_name":
		if slices.Contains(d.Changed, "/device_display_name") { // they are renamed together
			return ""
		}
		return "sensor renamed"
	case "sensor_is_active":
		return either(value == true, "sensor switched on", "sensor switched off")
	case "sensor_is_connected":
		return either(value == true, "sensor connected", "sensor disconnected")
	case "customer_site":
		return "moved" + before(f.SiteName(was.site), f.SiteName(shown(value)))
	case "device_is_active", "is_active":
		return either(value == true, "switched on", "switched off")
	case "is_powersupply_on":
		return either(value == true, "has external power", "has lost external power")
	case "battery_level_percent":
		if c.Battery != nil {
			return c.charge()
		}
	case "radio_level_percent":
		return "radio " + shown(value) + " %"
	case "battery_predicted_remaining_operating_days":
		return "battery for " + shown(value) + " days"
	}
	if strings.HasSuffix(column, "_uuid") {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(column, "device_"), "_", " ") + " " + shown(value))
}

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func before(name, now string) string {
	if name == "" || name == now {
		return ""
	}
	return ", was " + words.Shortened(name, longestName)
}

// valueAt returns what a JSON pointer points at, nil where there is nothing.
func valueAt(value any, path []string) any {
	for _, token := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// shown is a value as a text has it; empty for lists and objects.
func shown(value any) string {
	switch value.(type) {
	case string, json.Number, bool:
		return words.Shortened(fmt.Sprint(value), longestName)
	}
	return ""
}
