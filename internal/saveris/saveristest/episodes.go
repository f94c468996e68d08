package saveristest

import "math"

// episode is one stretch in which a channel is outside its limits. Half-open,
// unix seconds; empty if begin is not before end.
type episode struct {
	key        uint64
	begin, end int64
	low        bool    // below the lower limit, not above the upper one
	height     float64 // how far beyond the limit at the worst, in bands; above 1 the alarm limit is passed as well
}

// episodeShare: three stretches of world.alarm_every in five hold an episode,
// about what a live fleet had (1.3 alarm rows for 100 readings, behaviour 16).
const episodeShare = 0.6

// episode is the episode of c in the stretch of time that holds at.
func (w *World) episode(c *channel, at int64) episode {
	if w.AlarmEvery < 0 || c.band == 0 {
		return episode{}
	}
	every := int64(w.AlarmEvery) / second
	return c.episodeOf(floorDiv(at, every), every)
}

// episodeOf is the episode of one stretch. It never touches the stretch's ends.
func (c *channel) episodeOf(block, every int64) episode {
	h := hash(c.key^0xe919, block)
	if share(h) >= episodeShare {
		return episode{}
	}
	e := episode{key: h, low: !c.door && mix(h^1)%5 == 0, height: 0.3 + 0.5*share(mix(h^2))}
	length := float64(every) * (0.02 + 0.25*math.Pow(share(mix(h^3)), 2))
	e.begin = block*every + int64(float64(every)*(0.05+0.6*share(mix(h^4))))
	e.end = e.begin + int64(length)
	if mix(h^5)%3 == 0 {
		e.height += 1 // a third passes the alarm limit too
	}
	return e
}

// beyond is how far from the warning limit the channel is at a moment of the
// episode, in bands: a parabola that starts a little outside.
func (e episode) beyond(at int64) float64 {
	x := float64(at-e.begin) / float64(max(e.end-e.begin, 1))
	return 0.05 + e.height*4*x*(1-x)
}

// alarmed is the part of the episode beyond the alarm limit.
func (e episode) alarmed() (begin, end int64) {
	c := 0.95 / e.height
	if c >= 1 {
		return 0, 0
	}
	root, length := math.Sqrt(1-c), float64(e.end-e.begin)
	return e.begin + int64(math.Ceil(length*(1-root)/2)), e.begin + int64(length*(1+root)/2)
}

// value is what c measures. Outside episodes it stays inside its limits, so the
// alarms feed agrees with the measurements feed.
func (sc *scene) value(c *channel, k, at int64, spread uint64) float64 {
	e := sc.world.episode(c, at)
	inside := e.begin <= at && at < e.end
	switch {
	case c.door:
		if inside || share(spread) < 0.04 {
			return 1
		}
		return 0
	case inside && e.low:
		return c.warnLow - c.excess(e, at, spread)
	case inside:
		return c.warnHigh + c.excess(e, at, spread)
	}
	return c.base + c.shift*c.swing/4 + c.swing*triangle(float64(k)/c.period+c.shift) + wobble(spread)
}

// excess is how far beyond the warning limit c measures: beyond the alarm limit as long as the episode is, and no longer.
func (c *channel) excess(e episode, at int64, spread uint64) float64 {
	const clear = 0.005 // of a limit, so that no rounding crosses it
	x := c.band*e.beyond(at) + wobble(spread)
	if begin, end := e.alarmed(); begin <= at && at < end {
		return max(x, c.band+clear)
	}
	return min(x, c.band-clear)
}

// triangle swings between -1 and 1 with period 1: a compressor that goes on and off.
func triangle(x float64) float64 { return 4*math.Abs(x-math.Floor(x)-0.5) - 1 }

// wobble is the noise of the sensor, too small to cross a limit.
func wobble(spread uint64) float64 { return (share(mix(spread)) - 0.5) / 50 }
