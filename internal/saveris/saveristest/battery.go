package saveristest

// Levels of a battery, in percent: of a new one, where its alarm begins, and where somebody changes it.
const (
	batteryFull  = 100
	batteryLow   = 10
	batterySpent = 4
)

// battery is the level of the battery in l, in percent, and how many days are left. It is full when it, or the device, is
// new, and has fallen to batteryLow when its alarm begins.
func (w *World) battery(l *logger, since, at int64) (percent int, days int64) {
	every := batteryEmpty.lengthOf(w)
	if every == 0 {
		return batteryFull, 3650
	}
	block := floorDiv(at, every)
	_, changed := batteryAlarm(l, every, block, -1, func(end int64) bool { return end <= at })
	begin, end := batteryAlarm(l, every, block, 1, func(end int64) bool { return end > at })
	changed = max(changed, since)
	days = (end - at) / 86400
	if at >= begin {
		return batteryLow - int((batteryLow-batterySpent)*(at-begin)/(end-begin)), days
	}
	return batteryFull - int((batteryFull-batteryLow)*(at-changed)/max(1, begin-changed)), days
}

// batteryAlarm is the nearest alarm in a direction, from a stretch on, whose end fits.
func batteryAlarm(l *logger, every, block, step int64, fits func(end int64) bool) (begin, end int64) {
	for range lookback {
		if _, begin, end := batteryEmpty.of(l, every, block); begin < end && fits(end) {
			return begin, end
		}
		block += step
	}
	return block * every, block*every + 1
}
