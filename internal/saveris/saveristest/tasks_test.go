package saveristest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTasksAreServedAsTheyAreTrue: every version, format and range column has the rows of the truth.
func TestTasksAreServedAsTheyAreTrue(t *testing.T) {
	for _, column := range []string{"start", "end", "processed"} {
		v := startWith(t, "tasks.column="+column, "world.late_share=0.1", "world.sites=4", "range.ends=half-open", "fault.garbage=0.05")
		from := noon.Add(-2 * day)
		for _, path := range []string{"/v1/tasks", "/v2/tasks", "/v3/tasks"} {
			for _, format := range []string{"JSON", "CSV"} {
				var got, want []string
				rows, garbage := 0, 0
				for _, link := range v.links(path, rangeBody(from, noon, format)) {
					for _, p := range split(t, unzip(t, v.do("GET", link, "").body), format == "CSV") {
						if p.row == nil {
							garbage++
							continue
						}
						rows++
						got = append(got, p.row["uuid"]+p.row["task_status"]+p.row["task_timestamp_start"]+p.row["task_timestamp_end"]+p.row["timestamp"]+p.row["content"]+p.row["has_corrective_action"]+p.row["sequence_no"]+p.row["process_step_corrective_action"])
					}
				}
				for x := range v.Tasks(from, noon, noon) {
					want = append(want, fmt.Sprintf("%s%s%s%s%s%s%v%d%v", x.UUID, x.TaskStatus, formatTime(x.TaskTimestampStart), formatTime(x.TaskTimestampEnd), formatTime(x.Timestamp), x.Content, x.HasCorrectiveAction, x.SequenceNo, x.ProcessStepCorrectiveAction))
				}
				sameSet(t, column+" "+path+" "+format, got, want)
				if rows < 250 || garbage == 0 {
					t.Errorf("%d rows, %d lines of garbage", rows, garbage)
				}
			}
		}
		if served := v.Served(); len(served.Tasks) < 250 || len(served.Raw[FeedTasks]) == 0 {
			t.Errorf("%d tasks were served, %d lines", len(served.Tasks), len(served.Raw[FeedTasks]))
		}
	}
}

// TestTasksDoNotDependOnWindows: small ranges have the rows that a large one has.
func TestTasksDoNotDependOnWindows(t *testing.T) {
	for _, settings := range [][]string{{"tasks.column=start"}, {"tasks.column=end"}, {"tasks.column=processed", "world.late_share=0.2"}, {"world.cycle=1s", "tasks.column=end"}} {
		s := startWith(t, append(settings, "world.seed=7")...)
		from, asOf := noon.Add(-4*time.Hour), noon.Add(day)
		var pieces []Task
		for at := from; at.Before(noon); at = at.Add(10 * time.Minute) {
			pieces = slices.AppendSeq(pieces, s.Tasks(at, at.Add(10*time.Minute), asOf))
		}
		byID := func(a, b Task) int { return strings.Compare(a.UUID, b.UUID) }
		all := slices.SortedFunc(s.Tasks(from, noon, asOf), byID)
		slices.SortFunc(pieces, byID)
		if len(all) < 10 || !slices.Equal(all, pieces) {
			t.Errorf("%v: small windows have %d rows, a large one %d, or others", settings, len(pieces), len(all))
		}
	}
}

// TestPausedTasksAreFinishedLater: what was done before a pause can be seen before the rest, and is another content then.
func TestPausedTasksAreFinishedLater(t *testing.T) {
	s := startWith(t)
	first, from := map[string]Task{}, noon.Add(-3*day)
	changed := 0
	for asOf := from; asOf.Before(noon); asOf = asOf.Add(10 * time.Minute) {
		for x := range s.Tasks(from, noon, asOf) {
			before, known := first[x.UUID]
			switch {
			case x.VisibleAt.After(asOf) || x.Timestamp.After(x.ProcessedAt) || x.Timestamp.Before(x.TaskTimestampStart):
				t.Fatalf("at %s: %+v", asOf, x)
			case x.TaskStatus == taskPaused && !x.TaskTimestampEnd.IsZero(), x.TaskStatus == taskFinished && x.TaskTimestampEnd.Before(x.Timestamp):
				t.Fatalf("ends at %s: %+v", x.TaskTimestampEnd, x)
			case known && before.TaskStatus == taskPaused && x.TaskStatus == taskFinished:
				changed++
				before.TaskStatus, before.TaskTimestampEnd, before.ProcessedAt, before.VisibleAt = x.TaskStatus, x.TaskTimestampEnd, x.ProcessedAt, x.VisibleAt
				if before.HasCorrectiveAction = x.HasCorrectiveAction; before != x {
					t.Fatalf("%+v became %+v", before, x)
				}
			case known && before != x:
				t.Fatalf("%+v became %+v", before, x)
			}
			first[x.UUID] = x
		}
	}
	if changed < 10 {
		t.Errorf("%d rows changed, of %d", changed, len(first))
	}
}

// TestTasksForAlarms: a task of type ALARM names an alarm that can be seen when it begins, and there are tasks of all types.
func TestTasksForAlarms(t *testing.T) {
	s := startWith(t, "world.sites=5", "world.alarm_every=6h")
	alarms := map[string]Alarm{}
	for a := range s.Alarms(noon.Add(-12*day), noon, noon) {
		alarms[a.UUID] = a
	}
	types := map[string]int{}
	for x := range s.Tasks(noon.Add(-10*day), noon, noon) {
		types[x.TaskType]++
		a := alarms[x.AlarmLogUUID]
		if (x.TaskType == taskAlarm) != (x.AlarmLogUUID != "") || x.AlarmLogUUID != "" && (a.AlarmStatus != statusAlarm || a.TenantUUID != x.TenantUUID || a.VisibleAt.After(x.TaskTimestampStart)) {
			t.Fatalf("%+v\n for %+v", x, a)
		}
		if (x.TaskType == taskFlexible) != (x.ShiftUUID == "") || !x.ShiftBegin.IsZero() && (x.TaskTimestampStart.Before(x.ShiftBegin) || !x.TaskTimestampStart.Before(x.ShiftEnd)) {
			t.Errorf("shift of %+v", x)
		}
	}
	for _, want := range []string{taskAlarm, taskAdhoc, taskPlanned, taskFlexible} {
		if types[want] < 10 {
			t.Errorf("types %v", types)
		}
	}
}

// TestTasksRefused: by a licence without tasks, and under another feed's not.
func TestTasksRefused(t *testing.T) {
	v := startWith(t, "auth.lacks=tasks and devices")
	if a := v.call("POST", "/v3/tasks", "{}"); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := v.call("POST", "/v3/alarms", "{}"); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	v.Update(func(sw *Switches, _ *Faults) { sw.AuthLacks = "devices" })
	if a := v.call("POST", "/v3/tasks", `{"odata":{"$filter":"task_status eq 'FINISHED' and task_type eq 'PLANNED'","$orderby":"task_timestamp_start desc,task_status asc"}}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := startWith(t, "world.task_every=off").links("/v3/tasks", rangeBody(noon.Add(-day), noon, "JSON")); len(a) > 0 {
		t.Errorf("without tasks: %v", a)
	}
}
