package saveristest

import (
	"strconv"
	"testing"
	"time"
)

// TestReplacedAndRetiredDevicesInTheRows: a place has one device at a time, under another uuid and serial after a replacement,
// and none for a while after a retirement.
func TestReplacedAndRetiredDevicesInTheRows(t *testing.T) {
	s := startWith(t, "world.change_every=24h", "world.loggers=9", "rows.late=off")
	sensors, sites, serials := map[string][]Measurement{}, map[string]map[string]bool{}, map[string]string{}
	for m := range s.Measurements(noon.Add(-10*day), noon, noon) {
		sensors[m.SensorUUID] = append(sensors[m.SensorUUID], m)
		if sites[m.SensorUUID] == nil {
			sites[m.SensorUUID] = map[string]bool{}
		}
		sites[m.SensorUUID][m.CustomerSite] = true
		if other, known := serials[m.SerialNo]; known && other != m.SensorUUID {
			t.Fatalf("serial %s is of two sensors", m.SerialNo)
		}
		serials[m.SerialNo] = m.SensorUUID
	}
	moved, rows := 0, 0
	for id, of := range sensors {
		rows += len(of)
		if len(sites[id]) > 1 {
			moved++
		}
	}
	if len(sensors) < 30 || moved == 0 || rows >= 10*96*18*2 || rows < 8*96*18*2 {
		t.Errorf("%d sensors, %d of them moved, %d rows", len(sensors), moved, rows)
	}
	for _, l := range s.loggers {
		for at := noon.Add(-10 * day).Unix(); at < noon.Unix(); at += 600 {
			c, retired := s.cfg.World.retired(l, at)
			if d := s.cfg.World.device(l, at); retired && d.since >= c.at || d.since > at {
				t.Fatalf("%s: device since %d stands there at %d, retirement %+v", l.deviceSerial, d.since, at, c)
			}
			if !retired && s.cfg.World.device(l, at).since < s.cfg.World.device(l, at-600).since {
				t.Fatal("a device came back")
			}
		}
	}
}

// TestAlarmsOfDevicesThatCease: no row of an alarm comes from a device that is not there, and the end of one still closes.
func TestAlarmsOfDevicesThatCease(t *testing.T) {
	s := startWith(t, "world.change_every=24h", "world.alarm_every=6h", "world.changes=replace")
	raised, asOf := map[string]Alarm{}, noon.Add(60*day)
	cut := 0
	for a := range s.Alarms(noon.Add(-20*day), noon, asOf) {
		known := false
		for _, l := range s.loggers {
			d := s.cfg.World.device(l, a.AlarmTime.Unix()-1)
			known = known || d.serial == a.SerialNo || d.deviceSerial == a.SerialNo
		}
		if r, closes := raised[a.SourceAlarmEventUUID]; closes {
			known = known || s.cfg.World.deviceEnds(loggerOf(s, r.SerialNo, r.AlarmTime), r.AlarmTime.Unix(), a.AlarmTime.Unix()+1) == a.AlarmTime.Unix()
			if r.SerialNo != a.SerialNo || r.AlarmSourceUUID != a.AlarmSourceUUID {
				t.Errorf("%+v closes %+v", a, r)
			}
			if a.AlarmType == typeMeasuring && a.AlarmValue == "" {
				cut++
			}
		}
		if !known {
			t.Errorf("alarm of %s at %s, which was not there", a.SerialNo, a.AlarmTime)
		}
		raised[a.UUID] = a
	}
	if cut == 0 {
		t.Error("no alarm ended with its device")
	}
}

func loggerOf(s *vendor, serial string, at time.Time) *logger {
	for _, l := range s.loggers {
		if d := s.cfg.World.device(l, at.Unix()); d.serial == serial || d.deviceSerial == serial {
			return l
		}
	}
	return nil
}

// TestAlarmsKeepToTheirLimits: what raises an Alarm is beyond the alarm limit, what raises a Warning beyond the warning limit.
func TestAlarmsKeepToTheirLimits(t *testing.T) {
	s := startWith(t, "world.channels=3", "world.alarm_every=6h")
	kinds := map[string]*channel{}
	for _, l := range s.loggers {
		for i := range l.channels {
			kinds[l.serial+l.channels[i].alarmProperty] = &l.channels[i]
		}
	}
	n := 0
	for a := range s.Alarms(noon.Add(-60*day), noon, noon.Add(60*day)) {
		c := kinds[a.SerialNo+a.PhysicalPropertyName]
		if a.AlarmType != typeMeasuring || c.door || a.AlarmStatus != statusAlarm {
			continue
		}
		n++
		value, err := strconv.ParseFloat(a.AlarmValue, 64)
		low, high := c.warnLow, c.warnHigh
		if a.AlarmSeverity == "Alarm" {
			low, high = c.warnLow-c.band, c.warnHigh+c.band
		}
		if err != nil || a.AlarmConditionType == conditionLow && value >= low || a.AlarmConditionType == conditionHigh && value <= high {
			t.Errorf("%s %s at %s, limits %v and %v", a.AlarmSeverity, a.AlarmConditionType, a.AlarmValue, low, high)
		}
	}
	if n < 1000 {
		t.Errorf("%d alarms", n)
	}
}
