package saveristest

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// World holds the settings of the deterministic world. The zero value is a small
// one: 1 tenant, 2 sites, 3 loggers, 2 channels, 15 minutes. Durations marked
// with a multiple of the cycle follow it, so that a short cycle (a demo with 10 s)
// compresses everything else as well.
type World struct {
	Empty    bool   `key:"world.empty" default:"false" help:"no rows but the hand-made ones"`
	Seed     uint64 `key:"world.seed" default:"0" help:"another seed is another world"`
	Tenants  int    `key:"world.tenants" default:"1" help:"tenants that the login sees"`
	Sites    int    `key:"world.sites" default:"2" help:"sites a tenant"`
	Loggers  int    `key:"world.loggers" default:"3" help:"loggers a site: fridge, room, freezer in turn"`
	Channels int    `key:"world.channels" default:"2" help:"channels a logger"`

	Start     time.Time     `key:"world.start" default:"2020-01-01T00:00:00Z" help:"no rows before"`
	Cycle     time.Duration `key:"world.cycle" default:"15m" help:"measuring cycle, whole seconds; loggers are staggered over it"`
	CommCycle time.Duration `key:"world.comm_cycle" default:"1×cycle" help:"communication cycle of a logger"`
	Delay     time.Duration `key:"world.delay" default:"40s, 1×cycle at most" help:"processing delay at most"`

	LateShare       float64       `key:"world.late_share" default:"0.01" help:"share of transmissions that come late"`
	LateMax         time.Duration `key:"world.late_max" default:"24×cycle" help:"how late at most, most of them far less"`
	OutageEvery     time.Duration `key:"world.outage_every" default:"1344×cycle" off:"yes" help:"a logger is cut off once in such a time, every other time; what it measured comes in one burst"`
	OutageMax       time.Duration `key:"world.outage_max" default:"32×cycle" help:"length of an outage at most"`
	RetransmitShare float64       `key:"world.retransmit_share" default:"0.001" help:"share of rows that are sent again later"`
	ReviseShare     float64       `key:"world.revise_share" default:"0.002" help:"share of rows that change under rows.changed_content"`
	AlarmEvery      time.Duration `key:"world.alarm_every" default:"96×cycle" off:"yes" help:"a channel leaves its limits once in such a time, three times in five"`
	BatteryEvery    time.Duration `key:"world.battery_every" default:"30×alarm_every" off:"yes" help:"a battery runs down and is changed once in such a time, one time in three; with an alarm, unless there are none"`
	ChangeEvery     time.Duration `key:"world.change_every" default:"off" off:"yes" help:"once in such a time a device is renamed, moved to another site, replaced by one with another serial number, or retired"`
	TaskEvery       time.Duration `key:"world.task_every" default:"8×cycle" off:"yes" help:"in each site a task is executed once in such a time, one in four with a pause"`
	Changes         string        `key:"world.changes" values:"all|rename|move|replace|retire" help:"which of these changes come"`
}

// check fills the fields that follow the cycle.
func (w *World) check() error {
	if err := complete(w); err != nil {
		return err
	}
	if w.Cycle < time.Second || w.Cycle%time.Second != 0 {
		return fmt.Errorf("set world.cycle=%s: want whole seconds", w.Cycle)
	}
	w.Start = w.Start.UTC()
	follow(&w.CommCycle, w.Cycle)
	follow(&w.Delay, min(40*time.Second, w.Cycle))
	follow(&w.LateMax, 24*w.Cycle)
	follow(&w.OutageEvery, 1344*w.Cycle)
	follow(&w.OutageMax, 32*w.Cycle)
	follow(&w.AlarmEvery, 96*w.Cycle)
	if w.AlarmEvery < 0 {
		follow(&w.BatteryEvery, 2880*w.Cycle)
	}
	follow(&w.BatteryEvery, 30*w.AlarmEvery)
	if w.OutageEvery > 0 && w.OutageMax > w.OutageEvery/2 {
		return errors.New("set world.outage_max=" + w.OutageMax.String() + ": want half of world.outage_every at most")
	}
	if w.AlarmEvery > 0 && w.AlarmEvery < time.Minute {
		return fmt.Errorf("set world.alarm_every=%s: want a minute or more, or off", w.AlarmEvery)
	}
	follow(&w.TaskEvery, 8*w.Cycle)
	for key, every := range map[string]time.Duration{"world.battery_every": w.BatteryEvery, "world.change_every": w.ChangeEvery} {
		if every > 0 && every < 10*time.Second {
			return fmt.Errorf("set %s=%s: want 10s or more, or off", key, every)
		}
	}
	return nil
}

func follow(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

// logger is one place with one device with one sensor on it. The identity is that of the first device there.
type logger struct {
	identity
	key       uint64
	number    int    // within the home site
	name      string // of the thing that is watched
	offset    int64  // seconds into the cycle at which it measures
	sort      *equipment
	tenant    string
	tenantKey uint64
	tenantNo  int
	siteNo    int    // of the home site, within the tenant
	site      string // uuid
	siteText  string
	channels  []channel
}

// channel is what one logger measures in one place.
type channel struct {
	kind
	key    uint64
	no     int
	id     int64
	logger *logger
	shift  float64 // every fridge is a little different
}

// kind is a sort of channel: names and units as live rows have them, and the
// values it takes. The limits are those that its alarms refer to.
type kind struct {
	property, extension           string
	alarmProperty, alarmExtension string // alarms name channels differently (behaviour 7)
	unit                          string
	base, swing                   float64
	period                        float64 // of the swing, in cycles
	warnLow, warnHigh, band       float64 // band: from the warning to the alarm limit; 0 = never alarmed
	door                          bool
}

var (
	kindFridge  = kind{property: "Temperature", extension: "Air Temperature", alarmProperty: "Temperature", alarmExtension: "Unknown", unit: "°C", base: 4.6, swing: 1.4, period: 3.7, warnLow: 2, warnHigh: 7, band: 2.5}
	kindFreezer = kind{property: "Temperature", extension: "Air Temperature", alarmProperty: "Temperature", alarmExtension: "Unknown", unit: "°C", base: -19.5, swing: 1.1, period: 5.3, warnLow: -23, warnHigh: -17, band: 3}
	kindRoom    = kind{property: "Temperature", extension: "Air Temperature", alarmProperty: "Temperature", alarmExtension: "Unknown", unit: "°C", base: 22.2, swing: 1.6, period: 96, warnLow: 18, warnHigh: 25, band: 2}
	kindProduct = kind{property: "Temperature", extension: "Product Temperature", alarmProperty: "Product Temperature", alarmExtension: "Product Temperature", unit: "°C", base: 4.4, swing: 0.3, period: 17, warnLow: 2, warnHigh: 7, band: 2}
	kindDoor    = kind{property: "Unknown", extension: "Door Contact", alarmProperty: "Door", alarmExtension: "Door Contact", unit: "", door: true, warnHigh: 0.5, warnLow: -1, band: math.Inf(1)}
	kindHumid   = kind{property: "Humidity", extension: "Relative Humidity", alarmProperty: "Humidity", alarmExtension: "Unknown", unit: "%rF", base: 48, swing: 5, period: 96, warnLow: 35, warnHigh: 60, band: 8}
	kindDew     = kind{property: "Temperature", extension: "Dewpoint Temperature", unit: "°C", base: 10.8, swing: 1.2, period: 96}
	kindDensity = kind{property: "Density", extension: "Absolute Humidity", unit: "g/m³", base: 9.4, swing: 0.8, period: 96}
	kindPress   = kind{property: "Pressure", extension: "Absolute Pressure", unit: "hPa", base: 1004, swing: 9, period: 400}
)

// equipment is a sort of logger: the article number of its sensor, what it watches where, and channels.
type equipment struct {
	model      string
	kind, area string
	part       string // that the first channel is in
	channels   []kind
}

var equipments = []equipment{
	{"0572 2211", "Fridge", "Kitchen", "Cooling compartment", []kind{kindFridge, kindDoor, kindProduct}},
	{"0572 2031", "Room", "Store", "Room", []kind{kindRoom, kindHumid, kindDew, kindDensity, kindPress}},
	{"0572 0001", "Freezer", "Cold store", "Freezing compartment", []kind{kindFreezer, kindDoor, kindProduct}},
}

// build makes the loggers, ordered by offset.
func (w World) build() []*logger {
	if w.Empty {
		return nil
	}
	total := w.Tenants * w.Sites * w.Loggers
	loggers := make([]*logger, 0, total)
	cycle := int64(w.Cycle / time.Second)
	for i := range total {
		l := w.logger(i)
		l.offset = int64(i) * cycle / int64(total)
		loggers = append(loggers, l)
	}
	return loggers
}

// logger makes the i-th logger. Its key depends on tenant, site and number, not
// on how many others there are: a bigger world contains the smaller one's loggers.
func (w World) logger(i int) *logger {
	number := i % w.Loggers
	site := i / w.Loggers % w.Sites
	tenant := i / w.Loggers / w.Sites
	tenantKey := hash(w.Seed^0x7e4a7, int64(tenant))
	siteKey := hash(tenantKey, int64(site)+1)
	key := hash(siteKey, int64(number)+1)
	eq := &equipments[number%len(equipments)]
	l := &logger{
		identity: identity{key: key, deviceUUID: uuidOf(key ^ 1), deviceSerial: serial(20_000_000, i), sensorUUID: uuidOf(key ^ 2), serial: serial(22_000_000, i)},
		key:      key, number: number, sort: eq, name: fmt.Sprintf("%s %d", eq.kind, number/len(equipments)+1),
		tenant: uuidOf(tenantKey), tenantKey: tenantKey, tenantNo: tenant, siteNo: site,
	}
	l.site, l.siteText = l.siteOf(site)
	for n := range w.Channels {
		l.channels = append(l.channels, w.channel(l, eq.channelKind(n), n, 9_000_000+int64(i*w.Channels+n)))
	}
	return l
}

func (w World) channel(l *logger, k kind, n int, id int64) channel {
	key := hash(l.key, int64(n)+10)
	if k.unit == "%rF" && l.key&1 == 0 {
		k.unit = "%" // both spellings are live (seen)
	}
	return channel{kind: k, key: key, no: n + 1, id: id, logger: l, shift: share(key) - 0.5}
}

// channelKind returns external product probes to whoever asks for more channels
// than the model has.
func (e equipment) channelKind(n int) kind {
	if n < len(e.channels) {
		return e.channels[n]
	}
	return kindProduct
}

// serial spreads numbers so that neighbours do not look like neighbours.
func serial(base, i int) string { return fmt.Sprint(base + (i*7919+11234)%1_000_000) }
