package saveristest

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"
)

// FeedTasks is the feed of executed tasks, as the vendor's paths name it.
const FeedTasks = "tasks"

// Task is one row of the tasks feed: one step of an executed task, in the 38 columns of the document (8.3). Empty text and a
// zero time are nulls. Values are comparable with ==. An execution that is paused has fewer steps, no end, and is another
// content of the same rows when it is finished.
type Task struct {
	UUID                                                            string
	QualityManualUUID, QualityManualTitle, QualityManualVersionUUID string
	ProcessControlTitle, ProcessControlUUID                         string
	ProcessCtrlCategoryTitle, ProcessCtrlCategoryUUID               string
	TaskTitle, TaskUUID, TaskExecutionUUID, TaskType                string
	HasCorrectiveAction                                             bool
	TaskStatus                                                      string
	ShiftUUID                                                       string
	ShiftBegin, ShiftEnd                                            time.Time
	TaskTimestampStart, TaskTimestampEnd                            time.Time
	TenantUUID, SiteName, SiteNumber, AppVersion, SerialNoTablet    string
	ProcessStepInstructions                                         string
	ProcessStepCorrectiveAction                                     bool // served as text
	MarkedAsDeleted                                                 bool
	Username, UserUUID, ProcessStepType, ProcessStepUUID            string
	SequenceNo                                                      int
	Timestamp                                                       time.Time
	AlarmLogUUID, Content, Parameters, Context                      string
	ProcessedAt                                                     time.Time

	VisibleAt time.Time // first moment at which a query finds the row with this content
}

// Words of the tasks feed (document 8.3).
const (
	taskAlarm    = "ALARM"
	taskAdhoc    = "ADHOC"
	taskPlanned  = "PLANNED"
	taskFlexible = "FLEXIBLE_PLANNED"
	taskPaused   = "PAUSED"
	taskFinished = "FINISHED"
)

// step is what a task has somebody do.
type step struct {
	kind, instructions, parameters string
	corrective                     bool
}

var steps = []step{
	{"input number", "Measure the temperature.", `{"unit": "CELSIUS"}`, false},
	{"comment", "Write down what you notice.", "", false},
	{"photo", "Take a picture of the display.", `{"max": 1}`, false},
	{"yes no", "Close the door, and measure again.", "", true},
}

// Tasks yields the truth of the tasks feed: rows whose time in the column of tasks.column is in [from, until), that a query at
// asOf would find, with the content of that moment, ordered by the start of their execution. Safe for concurrent use.
func (s *Server) Tasks(from, until, asOf time.Time) iter.Seq[Task] {
	sc := s.scene()
	return func(yield func(Task) bool) {
		sc.tasks(span{from.UnixNano(), until.UnixNano()}, asOf, func(t Task, _ uint64) bool { return yield(t) })
	}
}

// tasks goes through the stretches of world.task_every in which an execution can have begun.
func (sc *scene) tasks(p span, asOf time.Time, yield func(t Task, spread uint64) bool) {
	w := &sc.world
	every := int64(w.TaskEvery) / second
	if every <= 0 || w.Empty || w.Loggers == 0 {
		return
	}
	from, until := ceilSecond(p.from), min(ceilSecond(p.until), asOf.Unix()+1)
	switch sc.sw.TasksColumn {
	case "processed":
		from -= 2*every + int64(w.maxLateness())/second
	case "end":
		from -= 2 * every
	}
	for block := floorDiv(max(from, w.Start.Unix()), every); block*every < until; block++ {
		for _, e := range sc.executionsIn(block, every) {
			for _, t := range sc.stepsOf(e, asOf.Unix()) {
				if p.has(t.in(sc.sw.TasksColumn)) && !yield(t, spreadOf(t.UUID)) {
					return
				}
			}
		}
	}
}

// in is the time that a range compares; what has none is in no range.
func (t *Task) in(column string) time.Time {
	switch column {
	case "end":
		if t.TaskTimestampEnd.IsZero() {
			return time.Unix(0, 0)
		}
		return t.TaskTimestampEnd
	case "processed":
		return t.ProcessedAt
	}
	return t.TaskTimestampStart
}

// execution is one task that somebody has done. Moments are unix seconds.
type execution struct {
	key               uint64
	logger            *logger // of what was looked at
	kind              string
	alarm             string // that it was made for
	start, end        int64
	steps             int
	paused            int // after so many steps; 0 = never
	pausedAt          int64
	upload, uploadEnd int64 // when the cloud has what was done before the pause, and all of it
}

// executionsIn are those that begin in a stretch of time, one a site, ordered by their start.
func (sc *scene) executionsIn(block, every int64) (list []execution) {
	w := &sc.world
	for site := range w.Tenants * w.Sites {
		loggers := sc.loggers[site*w.Loggers : (site+1)*w.Loggers]
		h := hash(loggers[0].key^0x7a5c, block)
		if e := sc.execution(loggers[mix(h)%uint64(len(loggers))], h, block*every, every); e.start >= w.Start.Unix() {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b execution) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key)) })
	return list
}

// execution ends before its stretch does.
func (sc *scene) execution(l *logger, h uint64, begin, every int64) execution {
	e := execution{key: h, logger: l, start: begin + int64(0.4*float64(every)*share(mix(h^1)))}
	e.kind = [...]string{taskPlanned, taskPlanned, taskFlexible, taskAdhoc}[mix(h^2)%4]
	if raised, found := sc.alarmToSee(l, begin, begin+every/2); found {
		e.kind, e.alarm = taskAlarm, raised.UUID
		e.start = raised.VisibleAt.Unix() + 1 + int64(float64(every)*0.1*share(mix(h^1)))
	}
	if e.steps = 3; mix(h^3)%5 == 0 {
		e.steps = 4
	}
	length := 1 + int64(min(600, float64(every)*0.1)*(0.3+0.7*share(mix(h^4))))
	e.end = e.start + length
	if mix(h^5)%4 == 0 {
		e.paused = 1 + int(mix(h^6)%2)
		e.pausedAt = e.start + length/2
		e.end += int64(float64(every) * (0.1 + 0.1*share(mix(h^7))))
	}
	e.upload, e.uploadEnd = sc.uploaded(h^8, e.pausedAt), sc.uploaded(h^9, e.end)
	return e
}

// alarmToSee is an alarm of the first channel of l that was raised in a stretch of time and could be seen in it.
func (sc *scene) alarmToSee(l *logger, from, until int64) (raised Alarm, found bool) {
	if len(l.channels) == 0 {
		return raised, false
	}
	sc.channelIncidents(&l.channels[0], from, until, func(i incident) {
		if found || i.begin < from || !sc.world.measures(l, i.begin) {
			return
		}
		raised, _ = sc.ends(i)
		found = raised.VisibleAt.Unix() < until
	})
	return raised, found
}

// uploaded is when the cloud has what a tablet had at a moment: soon, or later where it was offline.
func (sc *scene) uploaded(key uint64, at int64) int64 {
	if sc.sw.RowsLate == "off" {
		return at
	}
	if u := share(mix(key)); u < sc.late {
		at += int64(float64(sc.world.LateMax/time.Second) * u / sc.late * u / sc.late)
	}
	return at + int64(mix(key^1)%uint64(sc.world.Delay/time.Second+1))
}

// stepsOf are the rows of an execution as they are at asOf.
func (sc *scene) stepsOf(e execution, asOf int64) (rows []Task) {
	n, status, processed := e.steps, taskFinished, e.uploadEnd
	if asOf < e.uploadEnd {
		if e.paused == 0 || asOf < e.upload {
			return nil
		}
		n, status, processed = e.paused, taskPaused, e.upload
	}
	task := sc.taskOf(e)
	task.HasCorrectiveAction = n == len(steps)
	task.TaskStatus, task.ProcessedAt, task.VisibleAt = status, wholeSeconds(processed), wholeSeconds(processed)
	if status == taskFinished {
		task.TaskTimestampEnd = wholeSeconds(e.end)
	}
	for i := range n {
		rows = append(rows, sc.stepOf(e, task, i))
	}
	return rows
}

// taskOf are the columns that all steps of an execution share.
func (sc *scene) taskOf(e execution) Task {
	l := e.logger
	id := func(of string) string { return uuidOf(l.tenantKey ^ spreadOf(of)) }
	t := Task{
		QualityManualUUID: id("manual"), QualityManualTitle: "HACCP Manual 2026", QualityManualVersionUUID: id("manual version"),
		ProcessControlTitle: "Temperature control", ProcessControlUUID: id("control"), ProcessCtrlCategoryTitle: "Stationary monitoring",
		ProcessCtrlCategoryUUID: id("category"), TaskTitle: "Check " + l.name, TaskUUID: uuidOf(l.key ^ 0x7a5c), TaskExecutionUUID: uuidOf(e.key),
		TaskType: e.kind, TaskTimestampStart: wholeSeconds(e.start), TenantUUID: l.tenant,
		SiteName: nth(spots, l.siteNo), SiteNumber: l.siteText, AppVersion: "3.4.1", SerialNoTablet: "T-" + serial(52_000_000, int(l.tenantKey%97)*1000+l.siteNo),
		AlarmLogUUID: e.alarm, Context: fmt.Sprintf(`{"equipment": "%s"}`, l.name),
	}
	user := e.key % 3
	t.Username, t.UserUUID = [...]string{"j.doe", "m.muster", "a.koch"}[user], uuidOf(l.tenantKey^user)
	if e.kind != taskFlexible {
		const shift = 8 * 3600
		begin := floorDiv(e.start, shift) * shift
		t.ShiftUUID, t.ShiftBegin, t.ShiftEnd = uuidOf(hash(l.tenantKey^0x5417, begin)), wholeSeconds(begin), wholeSeconds(begin+shift)
	}
	return t
}

// stepOf is one step, counted from 0.
func (sc *scene) stepOf(e execution, t Task, i int) Task {
	what := steps[i]
	at := e.start + (e.end-e.start)*int64(i+1)/int64(e.steps+1)
	if e.paused > 0 {
		before := e.pausedAt - e.start
		if at = e.start + before*int64(i+1)/int64(e.paused+1); i >= e.paused {
			at = e.end - before*int64(e.steps-i)/int64(e.steps+1)
		}
	}
	t.UUID, t.SequenceNo, t.Timestamp = uuidOf(hash(e.key, int64(i)+1)), i+1, wholeSeconds(at)
	t.ProcessStepType, t.ProcessStepInstructions, t.Parameters, t.ProcessStepCorrectiveAction = what.kind, what.instructions, what.parameters, what.corrective
	t.ProcessStepUUID = uuidOf(hash(e.logger.tenantKey^0x57e9, int64(i)))
	switch what.kind {
	case "input number":
		t.Content = sc.measuredBy(e.logger, at)
	case "comment":
		t.Content = "Nothing to report, said \"all fine\""
	case "photo":
		t.Content = "photo-" + t.UUID[:8] + ".jpg"
	default:
		t.Content = "true"
	}
	return t
}

// measuredBy is what people read from the display of l, with one decimal.
func (sc *scene) measuredBy(l *logger, at int64) string {
	if len(l.channels) == 0 {
		return ""
	}
	c, cycle := &l.channels[0], int64(sc.world.Cycle)/second
	k := floorDiv(at-l.offset, cycle)
	return strconv.FormatFloat(sc.value(c, k, k*cycle+l.offset, hash(c.key, k)), 'f', 1, 64)
}

// task returns the cells of x; they are valid until the next call.
func (t *table) task(x *Task) []cell {
	c := append(t.scratch[:0], word(x.UUID), word(x.QualityManualUUID), word(x.QualityManualTitle), word(x.QualityManualVersionUUID),
		word(x.ProcessControlTitle), word(x.ProcessControlUUID), word(x.ProcessCtrlCategoryTitle), word(x.ProcessCtrlCategoryUUID),
		word(x.TaskTitle), word(x.TaskUUID), word(x.TaskExecutionUUID), word(x.TaskType), boolean(x.HasCorrectiveAction), word(x.TaskStatus),
		word(x.ShiftUUID), moment(x.ShiftBegin), moment(x.ShiftEnd), moment(x.TaskTimestampStart), moment(x.TaskTimestampEnd), word(x.TenantUUID),
		word(x.SiteName), word(x.SiteNumber), word(x.AppVersion), word(x.SerialNoTablet), word(x.ProcessStepInstructions),
		word(strconv.FormatBool(x.ProcessStepCorrectiveAction)), boolean(x.MarkedAsDeleted), word(x.Username), word(x.UserUUID),
		word(x.ProcessStepType), word(x.ProcessStepUUID), whole(int64(x.SequenceNo)), moment(x.Timestamp), word(x.AlarmLogUUID), word(x.Content),
		word(x.Parameters), word(x.Context), moment(x.ProcessedAt))
	t.scratch = c[:0]
	return t.finish(c)
}

func (f *filler) eachTask(yield func(Task, uint64) bool) { f.scene.tasks(f.asked(), f.q.asOf, yield) }

func (f *filler) fillTasks(p *page[Task]) {
	f.eachTask(func(t Task, spread uint64) bool {
		if f.part(spread) {
			copies, garbage := f.shape(spread, 1)
			p.add(unit[Task]{row: t, copies: copies, garbage: garbage})
		}
		return true
	})
}
