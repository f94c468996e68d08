package saveristest

import (
	"cmp"
	"slices"
	"time"
)

// OpenAlarms is the truth of which alarms are open at a moment: those of which a
// query at asOf finds the beginning and does not find the end, whatever the row
// looks like that tells of it. They are given as the rows that tell of the
// beginning, ordered by alarm_time. Hand-made rows are not among them. Safe for
// concurrent use.
func (s *Server) OpenAlarms(asOf time.Time) (open []Alarm) {
	sc := s.scene()
	sc.incidents(sc.world.Start.Unix(), asOf.Unix()+1, func(i incident) {
		raised, cleared := sc.ends(i)
		if !raised.AlarmTime.Before(sc.world.Start) && !raised.VisibleAt.After(asOf) && cleared.VisibleAt.After(asOf) {
			open = append(open, raised)
		}
	})
	slices.SortFunc(open, func(a, b Alarm) int {
		return cmp.Or(a.AlarmTime.Compare(b.AlarmTime), cmp.Compare(a.UUID, b.UUID))
	})
	return open
}

// transitions are the rows of an incident.
func (sc *scene) transitions(i incident, asOf int64) []Alarm {
	raised, cleared := sc.ends(i)
	rows := []Alarm{raised, cleared}
	if sc.sw.AlarmRows == "in-place" {
		rows = []Alarm{raised}
		if cleared.VisibleAt.Unix() <= asOf {
			cleared.UUID, cleared.SourceAlarmEventUUID = raised.UUID, ""
			cleared.AlarmTime, cleared.AlarmTimeLocal = raised.AlarmTime, raised.AlarmTimeLocal
			rows = []Alarm{cleared}
		}
	}
	if sc.vague("status", i.key) { // 4 of 344 rows of a live month were of no pair (seen)
		row := sc.transition(i, i.begin+(i.end-i.begin)/2, unknownWord, unknownWord, i.value, 3)
		if sc.sw.AlarmSource == "all" {
			row.SourceAlarmEventUUID = raised.UUID
		}
		rows = append(rows, row)
	}
	return rows
}

// ends are the rows of an incident's beginning and end, each one of its own.
func (sc *scene) ends(i incident) (raised, cleared Alarm) {
	if i.alarm.AlarmSeverity == "Warning" && sc.vague("severity", i.key) { // of one band only: they stay two alarms
		i.alarm.AlarmSeverity = unknownWord
	}
	raised = sc.transition(i, i.begin, statusAlarm, reasonViolated, i.value, 1)
	cleared = sc.transition(i, i.end, sc.closingStatus(i.key), closingReason(i.key), i.endValue, 2)
	if sc.vague("reason", i.key) {
		raised.AlarmReason = unknownWord
		if cleared.AlarmStatus == statusOk { // one of the two says that it is over
			cleared.AlarmReason = unknownWord
		}
	}
	switch sc.sw.AlarmSource {
	case "closing":
		cleared.SourceAlarmEventUUID = raised.UUID
	case "all": // as the document's example row, status Alarm with a source
		cleared.SourceAlarmEventUUID, raised.SourceAlarmEventUUID = raised.UUID, uuidOf(i.key^0xa11)
	}
	return raised, cleared
}

// vague picks a third of the incidents in which the vendor does not know something.
func (sc *scene) vague(what string, key uint64) bool {
	return (sc.sw.AlarmUnknown == what || sc.sw.AlarmUnknown == "mixed") && mix(key^uint64(len(what)))%3 == 0
}

// closingStatus is what the row of the end says besides its reason.
func (sc *scene) closingStatus(key uint64) string {
	switch sc.sw.AlarmClosing {
	case "Unknown":
		return unknownWord
	case "mixed":
		return []string{statusOk, unknownWord, statusAlarm}[mix(key^0xc105e)%3]
	}
	return statusOk
}

// closingReason: alarms do not only end because the value is back (behaviour 7).
func closingReason(key uint64) string {
	switch mix(key) % 20 {
	case 0:
		return reasonGone
	case 1:
		return reasonEnded
	}
	return reasonAdhered
}

func (sc *scene) transition(i incident, at int64, status, reason, value string, no uint64) Alarm {
	h := mix(i.key + no)
	l := i.logger
	processed := at
	if sc.sw.RowsLate == "on" {
		processed = sc.arrival(l, int64(h>>1), at)
		if i.cloud {
			processed = at + int64(h%uint64(sc.world.Delay/time.Second+1))
		}
	}
	a := i.alarm
	a.UUID, a.AlarmStatus, a.AlarmReason, a.AlarmValue = uuidOf(h), status, reason, value
	a.AlarmTime, a.LastStatusChangeTime = time.Unix(at, 0).UTC(), time.Unix(at+sc.skew(h), 0).UTC()
	a.AlarmTimeLocal = localText(a.AlarmTime, sc.sw.LocalSuffix)
	a.TenantUUID, a.CustomerSite = l.tenant, sc.site(l, at)
	a.ProcessedAt, a.VisibleAt = time.Unix(processed, 0).UTC(), time.Unix(processed, 0).UTC()
	return a
}

// skew is last_status_change_time minus alarm_time: 0 in 55 rows of 100, 1 to 2 s
// in the others (seen), or minutes.
func (sc *scene) skew(h uint64) int64 {
	if sc.sw.AlarmSkew == "minutes" {
		return int64(h % 600)
	}
	if mix(h)%100 < 55 {
		return 0
	}
	return 1 + int64(h&1)
}
