package schema

import (
	"bytes"
	"hash/crc32"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/saveris"
)

// form is how a column of tasks stands in the data. What cannot be brought into its form goes into "other".
type form uint8

const (
	formText form = iota
	formUUID
	formTime
	formBool // true and false, also as texts, and 1 and 0
	formInteger
	formJSON // what is JSON, also within a text, else the text
)

// taskColumn is a column of tasks, which events have under the vendor's name.
type taskColumn struct {
	name      string
	form      form
	unchecked bool // it makes no correction
	user      bool // it says who did it
}

// taskColumns are all of them, in the order of the vendor's document.
var taskColumns = [...]taskColumn{
	{name: "uuid", form: formUUID},
	{name: "quality_manual_uuid", form: formUUID},
	{name: "quality_manual_version_title"},
	{name: "quality_manual_version_uuid", form: formUUID},
	{name: "process_control_title"},
	{name: "process_control_uuid", form: formUUID},
	{name: "process_ctrl_category_title"},
	{name: "process_ctrl_category_uuid", form: formUUID},
	{name: "task_title"},
	{name: "task_uuid", form: formUUID},
	{name: "task_execution_uuid", form: formUUID},
	{name: "task_type"},
	{name: "has_corrective_action", form: formBool},
	{name: "task_status"},
	{name: "shift_uuid", form: formUUID},
	{name: "shift_begin", form: formTime},
	{name: "shift_end", form: formTime},
	{name: "task_timestamp_start", form: formTime},
	{name: "task_timestamp_end", form: formTime},
	{name: "tenant_uuid", form: formUUID},
	{name: "site_name"},
	{name: "site_number"},
	{name: "app_version"},
	{name: "serial_no_tablet"},
	{name: "process_step_instructions"},
	{name: "process_step_corrective_action"}, // a text by the document, unlike the other flags
	{name: "marked_as_deleted", form: formBool},
	{name: "username", unchecked: true, user: true},
	{name: "user_uuid", form: formUUID, unchecked: true, user: true},
	{name: "process_step_type"},
	{name: "process_step_uuid", form: formUUID},
	{name: "sequence_no", form: formInteger},
	{name: "timestamp", form: formTime},
	{name: "alarm_log_uuid", form: formUUID},
	{name: "content"},
	{name: "parameters", form: formJSON},
	{name: "context", form: formJSON},
	{name: "processed_at", form: formTime, unchecked: true},
}

// taskNames are the columns by their squashed names.
var taskNames = func() map[string]int {
	names := map[string]int{}
	for i, c := range taskColumns {
		names[string(appendSquashed(nil, c.name))] = i
	}
	return names
}()

// Columns that say more than themselves.
var (
	taskUUID, taskTenant, taskExecution, taskStep, taskSequence = taskNames["uuid"], taskNames["tenantuuid"], taskNames["taskexecutionuuid"], taskNames["processstepuuid"], taskNames["sequenceno"]
	taskType, taskStatus                                        = taskNames["tasktype"], taskNames["taskstatus"]
	taskTimes                                                   = [...]int{taskNames["timestamp"], taskNames["tasktimestampend"], taskNames["tasktimestampstart"]} // the event has the first one that is there
)

// taskCells are the columns of a row, each as JSON, nil where it has none.
type taskCells [len(taskColumns)]jsontext.Value

// WithoutUsers has events of tasks not say who did it, and returns the Maker. It comes before the first event and before Another.
// Neither ids nor checks differ.
func (m *Maker) WithoutUsers() *Maker {
	m.noUsers = true
	return m
}

// task makes an event of a row of tasks, or returns why it can be none.
func (m *Maker) task(e *Event, fields []saveris.Field) (objection string) {
	cells := m.readTask(fields)
	for _, i := range taskTimes {
		if m.cell[colTime] = cells.text(i); m.cell[colTime] != nil {
			break
		}
	}
	switch {
	case m.cell[colTime] == nil:
		return taskTimeObjection(fields)
	case blank(cells.text(taskUUID)) && (blank(cells.text(taskExecution)) || cells[taskStep] == nil && cells[taskSequence] == nil):
		return "no uuid, and no task_execution_uuid with a step to make an id of"
	}
	e.Time, _ = m.clocks[colTime].read(m.cell[colTime])
	e.kind, e.series, e.said = task, m.taskSeries(&cells), nothing
	e.Check = crc32.Checksum(cells.appendContent(nil), castagnoli)
	m.buf = cells.appendData(m.buf[:0], m.other.members)
	if !m.keepWhole(e, m.taskID(&cells), nil) {
		return "too long as an event"
	}
	return ""
}

// readTask sorts the row's columns into cells and the rest.
func (m *Maker) readTask(fields []saveris.Field) (cells taskCells) {
	m.other.reset()
	m.arena = m.arena[:0]
	for _, f := range fields {
		i, known := taskNames[string(appendSquashed(nil, f.Name))]
		switch {
		case !known:
			m.other.add(f)
		case taskColumns[i].user && m.noUsers, f.Kind == saveris.Null, len(f.Text) == 0:
		default:
			cell, ok := m.taskCell(taskColumns[i].form, f)
			if !ok || cells[i] != nil && cell != nil && !bytes.Equal(cells[i], cell) {
				m.other.add(f)
			} else if cells[i] == nil {
				cells[i] = cell
			}
		}
	}
	return cells
}

// taskCell brings a value into the form of its column; nil is nothing. ok is false where it cannot be read.
func (m *Maker) taskCell(form form, f saveris.Field) (cell jsontext.Value, ok bool) {
	if f.Kind == saveris.NotFinite {
		return nil, false
	}
	switch form {
	case formUUID:
		uuid, _, ok := m.cellOf(colUUID, f)
		if len(uuid) == 0 {
			return nil, ok
		}
		return appendText(nil, uuid), ok
	case formTime:
		stamp, _, ok := m.cellOf(colTime, f)
		return appendName(nil, stamp), ok
	case formInteger:
		number, _, ok := m.cellOf(colChannel, f)
		return bytes.Clone(number), ok
	case formBool:
		return boolOf(f)
	case formJSON:
		return jsonOf(f), true
	}
	if f.Kind == saveris.Nested {
		return nil, false
	}
	return appendText(nil, validUTF8(f.Text)), true
}

func boolOf(f saveris.Field) (literal jsontext.Value, ok bool) {
	switch text := string(bytes.ToLower(trimBlanks(f.Text))); {
	case f.Kind == saveris.Nested:
		return nil, false
	case text == "true", text == "1":
		return jsontext.Value("true"), true
	case text == "false", text == "0":
		return jsontext.Value("false"), true
	}
	return nil, false
}

// jsonOf returns what is JSON without the blanks between its tokens, and any other text as a JSON string.
func jsonOf(f saveris.Field) jsontext.Value {
	value := jsontext.Value(bytes.Clone(validUTF8(f.Text)))
	if value.Compact(jsontext.AllowDuplicateNames(true)) != nil {
		return appendText(nil, validUTF8(f.Text))
	}
	if value.Kind() == 'n' {
		return nil
	}
	return value
}

// taskSeries makes what an event has of its own here: <tenant>.<type>.<status>, and the step of the execution. The steps of an
// execution have one partition key.
func (m *Maker) taskSeries(cells *taskCells) *series {
	tail := append(appendToken(nil, cells.text(taskTenant)), '.')
	tail = append(appendToken(tail, appendMapped(nil, cells.text(taskType), &slugs)), '.')
	tail = appendToken(tail, appendMapped(nil, cells.text(taskStatus), &slugs))
	subject := append(appendPercent(nil, orMissing(cells.text(taskExecution))), '/')
	subject = append(subject, orMissing(cells[taskSequence])...)
	m.cell[colTenant], m.cell[colUnit] = cells.text(taskTenant), nil
	return m.make(tail, subject, orNothing(cells.text(taskExecution)), nil)
}

// taskID is the row's uuid, or a hash over what makes a step the one it is, whatever has become of its execution.
func (m *Maker) taskID(cells *taskCells) []byte {
	if uuid := cells.text(taskUUID); !blank(uuid) {
		return uuid
	}
	m.tmp = appendJoined(m.tmp[:0], cells.text(taskExecution), cells.text(taskStep), cells[taskSequence])
	m.id = appendHash(m.id[:0], m.tmp)
	return m.id
}

// text returns a text of the cells without its quotes, or another value as it is; nil where there is none.
func (c *taskCells) text(i int) []byte {
	if c[i].Kind() != '"' {
		return c[i]
	}
	text, _ := jsontext.AppendUnquote(nil, c[i]) // appendText has made it
	return text
}

// appendContent appends what a check covers (contract section 7).
func (c *taskCells) appendContent(b []byte) []byte {
	for i, column := range taskColumns {
		if column.unchecked {
			continue
		}
		if i > 0 {
			b = append(b, separator)
		}
		switch c[i].Kind() {
		case '"':
			if column.form == formTime {
				b = appendMoment(b, c.text(i))
			} else {
				b = append(b, c.text(i)...)
			}
		case 'n', 0: // nothing
		default:
			canonical, ok := AppendCanonical(b, c[i])
			if b = canonical; !ok { // a name twice in an object
				b = append(b, c[i]...)
			}
		}
	}
	return b
}

// appendData appends the data of an event.
func (c *taskCells) appendData(b, other []byte) []byte {
	for i, column := range taskColumns {
		b = append(append(append(b, `,"`...), column.name...), `":`...)
		if c[i] == nil {
			b = append(b, "null"...)
		} else {
			b = append(b, c[i]...)
		}
	}
	b[0] = '{'
	return appendOther(b, other)
}

// readTaskData reads the data of a stored event.
func readTaskData(data []byte) (cells taskCells, err error) {
	var columns map[string]jsontext.Value
	if err := json.Unmarshal(data, &columns, jsontext.AllowDuplicateNames(true)); err != nil {
		return cells, err
	}
	for i, column := range taskColumns {
		if value := columns[column.name]; value.Kind() != 'n' {
			cells[i] = value
		}
	}
	return cells, nil
}

// TaskProcessedAt returns when the vendor processed a task, from the data of its event; the zero time where that does not say.
func TaskProcessedAt(data []byte) time.Time {
	var d struct {
		ProcessedAt string `json:"processed_at"`
	}
	_ = json.Unmarshal(data, &d, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) // else it is none
	return readTime(d.ProcessedAt)
}

func taskTimeObjection(fields []saveris.Field) string {
	for _, i := range taskTimes {
		for _, f := range fields {
			if string(appendSquashed(nil, f.Name)) == string(appendSquashed(nil, taskColumns[i].name)) {
				if said := noTime(f); said != "" {
					return said
				}
			}
		}
	}
	return "no timestamp, task_timestamp_end or task_timestamp_start"
}
