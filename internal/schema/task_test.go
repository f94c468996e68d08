package schema

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
)

const taskRow = `{"uuid":"a5b6c7d8-e9f0-4a1b-8c2d-3e4f5a6b7c8d","task_execution_uuid":"a1","task_type":"PLANNED","task_status":"PAUSED","task_timestamp_start":"2026-07-01T08:00:00Z",
	"username":"j.doe","user_uuid":"e3f4a5b6-c7d8-4e9f-8a0b-1c2d3e4f5a6b","sequence_no":1,"timestamp":"2026-07-01T08:02:10Z","content":"4.7","parameters":"{\"unit\": \"CELSIUS\", \"max\": 1.0}","processed_at":"2026-07-01T08:06:00Z"}`

// An execution that goes on is a correction, and so is whatever else changes but who did it and when it was processed.
func TestWhatMakesACorrectionOfATask(t *testing.T) {
	was := eventOf(Tasks, taskRow)
	for _, c := range []struct {
		name, value string
		corrects    bool
	}{
		{"task_status", `"FINISHED"`, true}, {"task_timestamp_end", `"2026-07-01T08:05:30Z"`, true}, {"content", `"4.8"`, true}, {"marked_as_deleted", "true", true}, {"site_name", `"Here"`, true},
		{"parameters", `"{\"unit\": \"CELSIUS\", \"max\": 2}"`, true}, {"parameters", `"{\"max\":1,\"unit\":\"CELSIUS\"}"`, false}, {"parameters", `{"unit":"CELSIUS","max":1}`, false},
		{"timestamp", `"2026-07-01T08:02:10.000Z"`, false}, {"sequence_no", `"1.0"`, false}, {"content", "4.7", false},
		{"username", `"j.d"`, false}, {"user_uuid", `null`, false}, {"processed_at", `"2026-07-02T00:00:00Z"`, false}, {"signal_quality", `"GOOD"`, false},
	} {
		is := eventOf(Tasks, with(taskRow, c.name, c.value))
		if is.ID != was.ID || (is.Check != was.Check) != c.corrects {
			t.Errorf("%s %s: id %s, check %08x, was %s, %08x", c.name, c.value, is.ID, is.Check, was.ID, was.Check)
		}
	}
}

// What is dropped is dropped in every spelling, also where it comes twice, and changes neither id nor check.
func TestTasksWithoutUsers(t *testing.T) {
	row := with(with(taskRow, "UserName", `"j.doe.2"`), "userUuid", `"e3f4a5b6-0000-4e9f-8a0b-1c2d3e4f5a6b"`)
	with, maker := eventOf(Tasks, row), NewMaker(Tasks, "saveris", "https://vendor.example").WithoutUsers()
	if data := string(with.AppendData(nil)); !strings.Contains(data, "j.doe.2") || !strings.Contains(data, "e3f4a5b6") {
		t.Errorf("users are not kept: %s", data)
	}
	for _, m := range []*Maker{maker, maker.Another()} {
		e := m.Event(parseRow(row), testWindow, testReadAt)
		data := string(e.AppendData(nil))
		if strings.Contains(data, "doe") || strings.Contains(data, "e3f4a5b6") || !strings.Contains(data, `"username":null,"user_uuid":null,`) {
			t.Errorf("users are not dropped: %s", data)
		}
		if e.ID != with.ID || e.Check != with.Check {
			t.Errorf("id %s, check %08x without users, %s, %08x with them", e.ID, e.Check, with.ID, with.Check)
		}
	}
}

func TestTheTimeOfATask(t *testing.T) {
	row := with(taskRow, "task_timestamp_end", `"2026-07-01T08:05:30Z"`)
	for _, c := range []struct{ row, want string }{
		{row, "2026-07-01T08:02:10Z"}, {with(row, "timestamp", `"soon"`), "2026-07-01T08:05:30Z"}, {with(row, "timestamp", ""), "2026-07-01T08:05:30Z"},
		{with(taskRow, "timestamp", `""`), "2026-07-01T08:00:00Z"},
	} {
		if e := eventOf(Tasks, c.row); e.Rejected || e.Time.Format(time.RFC3339) != c.want || e.ProcessedAt().Format(time.RFC3339) != "2026-07-01T08:06:00Z" {
			t.Errorf("%s of %s, processed at %s, want %s", e.Time, c.row, e.ProcessedAt(), c.want)
		}
	}
	for row, want := range map[string]string{
		with(with(taskRow, "timestamp", ""), "task_timestamp_start", ""):                                    "no timestamp, task_timestamp_end or task_timestamp_start",
		with(with(taskRow, "timestamp", `"soon"`), "task_timestamp_start", ""):                              `timestamp is no time: "soon"`,
		with(with(taskRow, "uuid", ""), "sequence_no", ""):                                                  "no uuid, and no task_execution_uuid with a step to make an id of",
		with(with(taskRow, "uuid", `" "`), "task_execution_uuid", `"00000000-0000-0000-0000-000000000000"`): "no uuid, and no task_execution_uuid with a step to make an id of",
	} {
		if e := eventOf(Tasks, row); !e.Rejected || e.Reason() != want || e.Subject(Live) != "saveris.rejected.tasks" {
			t.Errorf("%s: %q, want %q", row, e.Reason(), want)
		}
	}
}

func TestEveryFeedOfTheVendorsHasANameOfOurs(t *testing.T) {
	for _, feed := range RowFeeds {
		if got := FeedOf(VendorFeed(feed)); got != feed {
			t.Errorf("%s is called %s there, and that is %s here", feed, VendorFeed(feed), got)
		}
	}
	if got := FeedOf(saveris.DeviceProperties); got != Devices {
		t.Errorf("device properties are of %s", got)
	}
}
