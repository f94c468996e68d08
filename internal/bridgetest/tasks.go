package bridgetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/saveris/saveristest"
)

// AuditTasks audits a stream of tasks: each step that the world has executed once, and each content of it that was served once.
func AuditTasks(ctx context.Context, js jetstream.JetStream, stream string, vendor *saveristest.Server, due Due) (*AuditReport, error) {
	return audit(ctx, js, stream, tasks(vendor, due))
}

// tasks lists what is true of the tasks. How late a step was is counted from the beginning of its execution.
func tasks(vendor *saveristest.Server, due Due) truth {
	t := truth{rows: map[string]*row{}, raw: map[string]bool{}}
	for task := range vendor.Tasks(due.From, due.Until, due.AsOf) {
		late := task.VisibleAt.Sub(task.TaskTimestampStart)
		t.add(task.UUID, due.Late == 0 || late <= due.Late || task.VisibleAt.Before(due.Seen), taskKey(task))
	}
	served := vendor.Served()
	for id, contents := range served.Tasks {
		for _, task := range contents {
			t.add(id, false, taskKey(task))
		}
		for _, task := range due.Served.Tasks[id] {
			t.add(id, true, taskKey(task))
			t.rows[id].due = append(t.rows[id].due, taskKey(task))
		}
	}
	t.addRaw(served.Raw[saveristest.FeedTasks], due.Served.Raw[saveristest.FeedTasks])
	return t
}

// taskKey is what two contents of a step differ in: how far its execution is.
func taskKey(t saveristest.Task) contentKey {
	end := ""
	if !t.TaskTimestampEnd.IsZero() {
		end = t.TaskTimestampEnd.UTC().Format(time.RFC3339Nano)
	}
	return contentKey{value: fmt.Sprint(t.Content, " ", t.HasCorrectiveAction, " ", end), at: t.Timestamp.UTC().Format(time.RFC3339Nano), state: t.TaskStatus}
}

func taskKeyOf(e event) contentKey {
	plain := func(name string) string { return plainOf(e.columns[name]) }
	return contentKey{
		value: plain("content") + " " + plain("has_corrective_action") + " " + moment(plain("task_timestamp_end")),
		at:    moment(plain("timestamp")), state: plain("task_status"),
	}
}

// columnsOfTasks are those of the vendor's document, and of a check but for what says who did it, and when it was processed.
var columnsOfTasks = strings.Fields(`uuid quality_manual_uuid quality_manual_version_title quality_manual_version_uuid process_control_title process_control_uuid
	process_ctrl_category_title process_ctrl_category_uuid task_title task_uuid task_execution_uuid task_type has_corrective_action task_status shift_uuid shift_begin
	shift_end task_timestamp_start task_timestamp_end tenant_uuid site_name site_number app_version serial_no_tablet process_step_instructions
	process_step_corrective_action marked_as_deleted username user_uuid process_step_type process_step_uuid sequence_no timestamp alarm_log_uuid content parameters
	context processed_at`)

// checkedTask is what a check covers.
func checkedTask(columns map[string]json.RawMessage) string {
	var fields []string
	for _, name := range columnsOfTasks {
		if slices.Contains([]string{"username", "user_uuid", "processed_at"}, name) {
			continue
		}
		text := plainOf(columns[name])
		if slices.Contains([]string{"shift_begin", "shift_end", "task_timestamp_start", "task_timestamp_end", "timestamp"}, name) {
			text = moment(text)
		}
		fields = append(fields, text)
	}
	return strings.Join(fields, "\x1f")
}

// plainOf is a text without its quotes, or another value in its canonical form; empty for null. The audit's worlds have plain
// numbers alone.
func plainOf(value json.RawMessage) string {
	var v any
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	if decoder.Decode(&v) != nil || v == nil {
		return ""
	}
	if text, is := v.(string); is {
		return text
	}
	sorted, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was JSON
	}
	return string(sorted)
}
