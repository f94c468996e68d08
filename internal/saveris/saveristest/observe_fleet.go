package saveristest

import (
	"cmp"
	"strings"
	"time"
)

// fleetObservers observe what is answered about the fleet.
var fleetObservers = map[string]func(Traffic) string{
	"auth.lacks": func(t Traffic) string {
		tasks, devices := t.of("submit", FeedTasks), t.of("submit", FeedTenants)
		return which(tasks.any(forbidden), devices.any(forbidden), "tasks and devices", "tasks", "devices") + is(tasks.any(good) && devices.any(good), "nothing")
	},
	"csv.bool": func(t Traffic) string {
		return eitherOf(t.files(FeedEquipments, "csv"), hasRows, func(e Exchange) bool { return strings.Contains(e.text(), `,"true",`) }, "true", "1")
	},
	"csv.array": func(t Traffic) string {
		return eitherOf(t.files(FeedProperties, "csv"), hasRows, func(e Exchange) bool { return strings.Contains(e.text(), "[AA_LITHIUM, AA_ALKALINE]") }, "plain", "json")
	},
	"tasks.column": func(t Traffic) string {
		word := ""
		for _, submit := range t.of("submit", FeedTasks) {
			from, until, _ := submit.Asked()
			for _, row := range t.pollsOf(submit).rows(FeedTasks) {
				outside := func(column string) bool {
					text, _ := row[column].(string)
					at, err := time.Parse(time.RFC3339, text)
					return err != nil || at.Before(from) || at.After(until)
				}
				word = cmp.Or(is(outside("task_timestamp_start"), is(!outside("task_timestamp_end"), "end")), is(outside("task_timestamp_start") && outside("task_timestamp_end"), "processed"), word, "start")
				if word == "processed" {
					return word
				}
			}
		}
		return word
	},
	"mo.id": func(t Traffic) string {
		return submatch(t.texts(FeedMeasuringObjects, "json"), `"(measuring_object_uuid|mo_uuid)":`)
	},
	"mo.config": func(t Traffic) string {
		text := t.texts(FeedMeasuringObjects, "json")
		switch {
		case strings.Contains(text, "measurementAlarmConditionSet"):
			return "nested"
		case strings.Contains(text, "upper_warning"):
			return "flat"
		}
		return is(text != "", "null")
	},
	"mo.enum": func(t Traffic) string {
		text := t.texts(FeedMeasuringObjects, "json")
		return is(strings.Contains(text, "Lower limit"), "plain") + is(strings.Contains(text, "MACT_LOWER_LIMIT"), "codes")
	},
	"props.bool": func(t Traffic) string {
		return map[string]string{`"true"`: "string", "true": "bare", `"1"`: "digit"}[submatch(t.texts(FeedProperties, "json"), `"device_is_active":([^,]+),`)]
	},
	"status.connection": func(t Traffic) string {
		return submatch(t.texts(FeedDeviceStatus, "json"), `"connection_type":"(\w+)"`)
	},
	"sync.retired": func(t Traffic) string {
		gone := func(version int) bool {
			return t.of("retired", FeedTenants).any(func(e Exchange) bool { return e.Method == "GET" && e.Version == version })
		}
		asked := t.any(func(e Exchange) bool { return e.Path == "/v1/tenants" })
		return is(asked, map[[2]bool]string{{}: "off", {true, false}: "newest", {false, true}: "older", {true, true}: "all"}[[2]bool{gone(3), gone(1)}])
	},
}
