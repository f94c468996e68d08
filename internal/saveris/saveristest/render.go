package saveristest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// query is what an export or a synchronous GET asks for.
type query struct {
	feed        string
	version     int
	from, until time.Time
	asOf        time.Time // moment of asking: what became visible later is not in it
	choice      []string  // $select
	csv         bool
	objects     bool   // json.layout=object, one row a file
	salt        uint64 // order of rows and files
	turn        uint64 // of the feed's results, which decides what is mixed
	kept        bool   // in the cache
}

// unit is what goes into a file as a whole: a row with its copies, or a raw line.
type unit[T any] struct {
	row     T
	copies  int
	garbage uint64 // 0 = none
	raw     string
	isRaw   bool
}

// page writes the units of one file.
type page[T any] struct {
	enc     *encoder
	out     sink
	cells   func(*T) []cell
	shuffle *rand.Rand // nil = keep the order
	pending []unit[T]
	record  bool
	rows    []T
	raw     []string
	only    int // with one object a file: the number of the unit that is wanted; -1 = all
	seen    int
	spoil   func(e *encoder, cells []cell, spread uint64) string
}

// add takes a unit; rows are written in batches so that they can be shuffled.
func (p *page[T]) add(u unit[T]) {
	p.seen++
	if p.only >= 0 {
		if p.seen-1 != p.only {
			return
		}
		u.copies, u.garbage = min(u.copies, 1), 0
	}
	p.pending = append(p.pending, u)
	if len(p.pending) == 1024 {
		p.flush()
	}
}

func (p *page[T]) flush() {
	if !p.enc.began && len(p.pending) > 0 {
		p.enc.begin()
	}
	if p.shuffle != nil {
		p.shuffle.Shuffle(len(p.pending), func(i, j int) { p.pending[i], p.pending[j] = p.pending[j], p.pending[i] })
	}
	for i := range p.pending {
		p.put(&p.pending[i])
	}
	p.pending = p.pending[:0]
	p.drain()
}

// drain moves what was encoded on its way out.
func (p *page[T]) drain() {
	p.out.write(p.enc.buf)
	p.enc.buf = p.enc.buf[:0]
}

func (p *page[T]) put(u *unit[T]) {
	if u.isRaw {
		p.raw = append(p.raw, p.enc.raw(u.raw))
		return
	}
	for range u.copies {
		p.enc.row(p.cells(&u.row))
	}
	if p.record && u.copies > 0 {
		p.rows = append(p.rows, u.row)
	}
	if u.garbage != 0 {
		p.raw = append(p.raw, p.spoil(p.enc, p.cells(&u.row), u.garbage))
	}
}

// render writes file i of n. A file without rows is blank, compressed or not.
func (s *Server) render(q query, sw *Switches, faults *Faults, i, n int, zip bool) ([]byte, *tally) {
	f := &filler{scene: s.scene(), q: q, sw: sw, faults: faults, i: uint64(i), n: uint64(max(1, n)), record: s.cfg.Record, zip: zip}
	table := tableOf(sw, q.feed, q.version, q.choice)
	switch q.feed {
	case FeedMeasurements:
	case FeedAlarms:
		p := newPage(f, table, table.alarm)
		f.fillAlarms(p)
		f.fillRaw(func(line string) { p.add(unit[Alarm]{raw: line, isRaw: true}) })
		return finishPage(p), &tally{alarms: p.rows, raw: p.raw}
	case FeedTasks:
		p := newPage(f, table, table.task)
		f.fillTasks(p)
		f.fillRaw(func(line string) { p.add(unit[Task]{raw: line, isRaw: true}) })
		return finishPage(p), &tally{tasks: p.rows, raw: p.raw}
	default:
		p := newPage(f, table, func(row *fleetRow) []cell {
			cells := (*row)()
			table.scratch = cells[:0]
			return table.finish(cells)
		})
		f.fillFleet(table, p)
		f.fillRaw(func(line string) { p.add(unit[fleetRow]{raw: line, isRaw: true}) })
		return finishPage(p), &tally{raw: p.raw}
	}
	p := newPage(f, table, table.measurement)
	f.fillMeasurements(p)
	f.fillRaw(func(line string) { p.add(unit[Measurement]{raw: line, isRaw: true}) })
	return finishPage(p), &tally{measurements: p.rows, raw: p.raw}
}

func newPage[T any](f *filler, t *table, cells func(*T) []cell) *page[T] {
	layout := f.sw.JSONLayout
	if layout == "object" && !f.q.objects {
		layout = "lines"
	}
	p := &page[T]{enc: newEncoder(f.q, f.sw, layout, t.names), cells: cells, only: -1, spoil: spoil, record: f.record, out: sink{zipped: f.zip}}
	if f.q.objects {
		p.only = int(f.i)
	} else if f.sw.FileOrder == "shuffled" {
		p.shuffle = rand.New(rand.NewPCG(f.q.salt, f.i))
	}
	return p
}

func newEncoder(q query, sw *Switches, layout string, names []string) *encoder {
	return &encoder{sw: sw, spell: spellingOf(sw, q.csv, q.turn), csv: q.csv, layout: layout, list: strings.ReplaceAll(q.feed, "/", "_"), names: names}
}

func finishPage[T any](p *page[T]) []byte {
	p.flush()
	if p.enc.began {
		p.enc.end()
	}
	p.drain()
	return p.out.bytes()
}

// emptyFile is a file without rows: a CSV header, an empty array, or nothing.
func emptyFile(q query, sw *Switches) []byte {
	e := newEncoder(q, sw, sw.JSONLayout, tableOf(sw, q.feed, q.version, q.choice).names)
	e.begin()
	e.end()
	return e.buf
}

// filler selects the rows of one file.
type filler struct {
	scene  *scene
	q      query
	sw     *Switches
	faults *Faults
	i, n   uint64
	record bool
	zip    bool
}

// across reports whether a row stands in the next file as well.
func (f *filler) across(spread uint64) bool {
	rate := f.faults.DuplicateAcross
	if f.sw.FileDuplicates == "on" {
		rate = max(rate, 0.02)
	}
	return rate > 0 && share(mix(spread^0xac05)) < rate
}

func (f *filler) home(spread uint64) bool { return spread%f.n == f.i }

// part reports whether the file holds the row at all.
func (f *filler) part(spread uint64) bool {
	return f.q.objects || f.home(spread) || f.across(spread) && (spread+1)%f.n == f.i
}

// shape says how often the row stands in this file and whether garbage follows it.
func (f *filler) shape(spread uint64, copies int) (int, uint64) {
	if !f.home(spread) {
		return 1, 0
	}
	if share(mix(spread^0xd0b1)) < f.faults.Duplicate || f.n == 1 && f.across(spread) {
		copies++
	}
	if g := mix(spread ^ 0x6a4ba6e); share(g) < f.faults.Garbage {
		return copies, g | 1
	}
	return copies, 0
}

// span is the range of event times to look through; under
// range.column=processed_at it is wider than what was asked for.
func (f *filler) span() span {
	p := f.asked()
	if f.sw.RangeColumn == "processed_at" {
		p.from -= int64(f.scene.world.maxLateness())
	}
	return p
}

// asked is the range as it was asked for, with the ends that range.ends says.
func (f *filler) asked() span {
	p := span{f.q.from.UnixNano(), f.q.until.UnixNano()}
	switch f.sw.RangeEnds {
	case "closed", "open-from":
		p.until++
	}
	switch f.sw.RangeEnds {
	case "open", "open-from":
		p.from++
	}
	return p
}

// inside checks a row against the range as it was asked for.
func (f *filler) inside(processed time.Time) bool {
	return f.sw.RangeColumn != "processed_at" || f.asked().has(processed)
}

func (f *filler) fillMeasurements(p *page[Measurement]) {
	f.eachMeasurement(func(m Measurement, spread uint64, copies int) bool {
		copies, garbage := f.shape(spread, copies)
		p.add(unit[Measurement]{row: m, copies: copies, garbage: garbage})
		return true
	})
}

func (f *filler) eachMeasurement(yield emit) {
	f.scene.measurements(f.span(), f.q.asOf, f.part, func(m Measurement, spread uint64, copies int) bool {
		return !f.inside(m.ProcessedAt) || yield(m, spread, copies)
	})
}

func (f *filler) fillAlarms(p *page[Alarm]) {
	f.eachAlarm(func(a Alarm, spread uint64) bool {
		if f.part(spread) {
			copies, garbage := f.shape(spread, 1)
			p.add(unit[Alarm]{row: a, copies: copies, garbage: garbage})
		}
		return true
	})
}

func (f *filler) eachAlarm(yield func(Alarm, uint64) bool) {
	f.scene.alarms(f.span(), f.q.asOf, func(a Alarm, spread uint64) bool {
		return !f.inside(a.ProcessedAt) || yield(a, spread)
	})
}

// fillRaw adds the hand-made lines of the range.
func (f *filler) fillRaw(add func(line string)) {
	for _, r := range f.scene.extra.raw[f.q.feed] {
		if (f.q.until.IsZero() || f.asked().has(r.at)) && (f.q.objects || f.home(spreadOf(r.line))) {
			add(r.line)
		}
	}
}

// atLeast counts the units of a result, up to most.
func (s *Server) atLeast(q query, sw *Switches, most int) int {
	f := &filler{scene: s.scene(), q: q, sw: sw, faults: &Faults{}, n: 1}
	n := 0
	f.fillRaw(func(string) { n++ })
	more := func() bool { n++; return n < most }
	if n >= most {
		return n
	}
	switch q.feed {
	case FeedMeasurements:
		f.eachMeasurement(func(Measurement, uint64, int) bool { return more() })
	case FeedAlarms:
		f.eachAlarm(func(Alarm, uint64) bool { return more() })
	case FeedTasks:
		f.eachTask(func(Task, uint64) bool { return more() })
	default:
		f.eachFleet(tableOf(sw, q.feed, q.version, nil), func(uint64, fleetRow) bool { return more() })
	}
	return n
}

// spoil writes the line that follows a row under fault.garbage: no JSON at all, a
// row that breaks off, a row without anything to know it by, or one whose time
// cannot be read. It depends on the row's id only, so a re-read gives the same
// line, whatever became of the row.
func spoil(e *encoder, cells []cell, spread uint64) string {
	cells = slices.Clone(cells)
	id := uuidOf(spread)
	for i := range cells {
		c := &cells[i]
		switch c.name {
		case "uuid":
			c.text = id
		case "measurement", "measurement_value", "alarm_value":
			c.text = "21.5"
		case "alarm_status", "alarm_reason", "last_status_change_time", "processed_at", "source_alarm_event_uuid":
			c.text = ""
		}
	}
	kinds := uint64(4)
	if e.list == FeedTasks { // it has two more times and two more ids to know a row by
		kinds = 2
	}
	switch spread >> 8 % kinds {
	case 0:
		return e.raw("upstream connect error " + id)
	case 1:
		start := len(e.buf)
		line := string(e.row(cells))
		e.buf, e.lines = e.buf[:start], e.lines-1
		return e.raw(line[:len(line)*2/3])
	case 2:
		blank(cells, "uuid", "sensor_uuid", "channel_no", "channel_id", "serial_no", "sensor_serial_no", "device_uuid", "device_serial_no", "alarm_source_uuid")
		return string(e.row(cells))
	}
	for i := range cells {
		if cells[i].name == "timestamp" || cells[i].name == "alarm_time" {
			cells[i].text, cells[i].kind = "yesterday", cellText
		}
	}
	return string(e.row(cells))
}

func blank(cells []cell, names ...string) {
	for i := range cells {
		if slices.Contains(names, cells[i].name) {
			cells[i].text, cells[i].kind = "", cellText
		}
	}
}
