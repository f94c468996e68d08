package saveristest

import (
	"fmt"
	"slices"
	"time"
)

// What happens to a place in which loggers follow one another, once in each stretch of world.change_every.
const (
	changeRename  = "rename"
	changeMove    = "move"
	changeReplace = "replace"
	changeRetire  = "retire"
)

// lookback bounds the search for the last change of a kind, in stretches. That none of a kind that may come came in so many
// has a chance below 10^-10.
const lookback = 100

// happening is the one change of a place in one stretch. Moments are unix seconds; kind is empty where there is none.
type happening struct {
	kind string
	key  uint64
	at   int64
	gone int64 // of a retired device: from here on it is in no list
	back int64 // and here another one takes its place
}

// identity is the device that stands in a place: what a replacement changes.
type identity struct {
	key                      uint64
	deviceUUID, deviceSerial string
	sensorUUID, serial       string
	shift                    int64 // added to the ids of channels
	since                    int64 // unix seconds; 0 = since the world began
}

// changing reports whether changes of a kind may come.
func (w *World) changing(kinds ...string) bool {
	return w.ChangeEvery > 0 && (w.Changes == "all" || slices.Contains(kinds, w.Changes))
}

// changeIn is what happens to l in a stretch of time.
func (w *World) changeIn(l *logger, block int64) happening {
	every := int64(w.ChangeEvery) / second
	h := hash(l.key^0xc4a96e, block)
	c := happening{key: mix(h ^ 5), kind: w.Changes, at: block*every + 1 + int64(0.7*float64(every-2)*share(mix(h)))}
	if c.at < w.Start.Unix() {
		return happening{}
	}
	if c.kind == "all" {
		switch n := h % 20; {
		case n < 8:
			c.kind = changeRename
		case n < 13:
			c.kind = changeMove
		case n < 17:
			c.kind = changeReplace
		default:
			c.kind = changeRetire
		}
	}
	if c.kind == changeRetire {
		c.back = (block + 1) * every
		c.gone = c.at + min(6*int64(w.Cycle)/second, (c.back-c.at)/2)
	}
	return c
}

// last is the last change at or before a moment for which when tells its moment; 0 tells that it does not count.
func (w *World) last(l *logger, at int64, when func(happening) int64) (c happening, moment int64) {
	every := int64(w.ChangeEvery) / second
	for block := floorDiv(at, every); block > floorDiv(at, every)-lookback && (block+1)*every > w.Start.Unix(); block-- {
		c := w.changeIn(l, block)
		if moment := when(c); moment != 0 && moment <= at {
			return c, moment
		}
	}
	return happening{}, 0
}

// device is the device that stands in l at a moment, or stood there last.
func (w *World) device(l *logger, at int64) *identity {
	if !w.changing(changeReplace, changeRetire) {
		return &l.identity
	}
	_, since := w.last(l, at, func(c happening) int64 {
		switch c.kind {
		case changeReplace:
			return c.at
		case changeRetire:
			return c.back
		}
		return 0
	})
	if since == 0 {
		return &l.identity
	}
	return l.successor(since, (since-w.Start.Unix())/(int64(w.Cycle)/second))
}

// successor is the device that was put into l at a moment. Its serial numbers are those of the place with four digits that
// follow from the moment.
func (l *logger) successor(since, cycle int64) *identity {
	key := hash(l.key^0x5ccce, since)
	no := cycle % 10_000
	return &identity{
		key: key, deviceUUID: uuidOf(key ^ 1), sensorUUID: uuidOf(key ^ 2), since: since, shift: (no + 1) * 100_000_000,
		deviceSerial: fmt.Sprintf("%s%04d", l.deviceSerial, no), serial: fmt.Sprintf("%s%04d", l.serial, no),
	}
}

// retired is the retirement that a moment lies in, until another device takes the place.
func (w *World) retired(l *logger, at int64) (c happening, yes bool) {
	if !w.changing(changeRetire) {
		return c, false
	}
	c = w.changeIn(l, floorDiv(at, int64(w.ChangeEvery)/second))
	return c, c.kind == changeRetire && c.at <= at
}

// measures reports whether there is a device in l that measures.
func (w *World) measures(l *logger, at int64) bool {
	_, retired := w.retired(l, at)
	return !retired
}

// deviceEnds is the moment in (from, until) at which the device of from ends, else until.
func (w *World) deviceEnds(l *logger, from, until int64) int64 {
	if !w.changing(changeReplace, changeRetire) {
		return until
	}
	every := int64(w.ChangeEvery) / second
	for block := floorDiv(from, every); block*every < until; block++ {
		c := w.changeIn(l, block)
		if (c.kind == changeReplace || c.kind == changeRetire) && from < c.at && c.at < until {
			return c.at
		}
	}
	return until
}

// siteAt is the number of the site in which l is, of its tenant.
func (w *World) siteAt(l *logger, at int64) (no int, since int64) {
	if !w.changing(changeMove) {
		return l.siteNo, 0
	}
	c, since := w.last(l, at, func(c happening) int64 { return c.momentOf(changeMove) })
	if since == 0 {
		return l.siteNo, 0
	}
	return int(c.key % uint64(w.Sites)), since
}

// renames are what people write behind the name of a device.
var renames = []string{"", " (left)", " (right)", " (new)", " (cellar)", " (bar)"}

// nameAt is what l is called, and since when.
func (w *World) nameAt(l *logger, at int64) (name string, since int64) {
	if !w.changing(changeRename) {
		return l.name, 0
	}
	c, since := w.last(l, at, func(c happening) int64 { return c.momentOf(changeRename) })
	if since == 0 {
		return l.name, 0
	}
	return l.name + renames[c.key%uint64(len(renames))], since
}

func (c happening) momentOf(kind string) int64 {
	if c.kind == kind {
		return c.at
	}
	return 0
}

// siteOf is the uuid and the number of a site of l's tenant.
func (l *logger) siteOf(no int) (id, text string) {
	return uuidOf(hash(l.tenantKey, int64(no)+1)), siteText(l.tenantNo, no)
}

func siteText(tenant, site int) string { return fmt.Sprintf("R-%02d%02d", tenant+1, site+1) }

// wholeSeconds is a moment of the world.
func wholeSeconds(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
