package schema

import (
	"bytes"
	stdjson "encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/saveris"
)

// refTaskColumns are the columns of the vendor's document, 8.3.
var refTaskColumns = strings.Fields(`uuid quality_manual_uuid quality_manual_version_title quality_manual_version_uuid process_control_title process_control_uuid
	process_ctrl_category_title process_ctrl_category_uuid task_title task_uuid task_execution_uuid task_type has_corrective_action task_status shift_uuid shift_begin
	shift_end task_timestamp_start task_timestamp_end tenant_uuid site_name site_number app_version serial_no_tablet process_step_instructions
	process_step_corrective_action marked_as_deleted username user_uuid process_step_type process_step_uuid sequence_no timestamp alarm_log_uuid content parameters
	context processed_at`)

// refTask is the reference of tasks: columns in a map, each as JSON.
func refTask(row *saveris.Row, w Window, readAt time.Time) message {
	r, cells := refRow{}, map[string]string{}
	taken := map[string]bool{}
	for _, f := range row.Fields {
		name := ""
		for _, column := range refTaskColumns {
			if strings.ReplaceAll(column, "_", "") == refSquashed(f.Name) {
				name = column
			}
		}
		if name != "" && (f.Kind == saveris.Null || len(f.Text) == 0) {
			continue
		}
		cell, ok := refTaskCell(name, f)
		if old, there := cells[name]; ok && name != "" && (!there || cell == "" || old == cell) {
			if cell != "" {
				cells[name] = cell
			}
			continue
		}
		r.other = append(r.other, refMember(taken, f))
	}
	plain := func(name string) (text string) {
		if stdjson.Unmarshal([]byte(cells[name]), &text) != nil {
			return cells[name]
		}
		return text
	}
	at := refOr(plain("timestamp"), refOr(plain("task_timestamp_end"), plain("task_timestamp_start")))
	id, execution := plain("uuid"), plain("task_execution_uuid")
	if at == "" || refBlank(id) && (refBlank(execution) || plain("process_step_uuid")+plain("sequence_no") == "") {
		return refRejected(Tasks, row, w, readAt)
	}
	if refBlank(id) {
		id = refHash(execution, plain("process_step_uuid"), plain("sequence_no"))
	}
	var members, content []string
	for _, name := range refTaskColumns {
		members = append(members, `"`+name+`":`+refOr(cells[name], "null"))
		if slices.Contains([]string{"processed_at", "username", "user_uuid"}, name) {
			continue
		}
		text := plain(name)
		if kind := jsontext.Value(cells[name]).Kind(); kind == '{' || kind == '[' || kind == '0' {
			value := jsontext.Value(text)
			if value.Canonicalize() == nil {
				text = string(value)
			}
		} else if refTaskTime(name) {
			text = refSame(text)
		}
		content = append(content, text)
	}
	m := message{id: id, day: at[:10], check: refCheck(content...), header: map[string]string{
		"type": "saveris.task.v1", "dataschema": "urn:saveris-bridge:task:v1", "id": id, "time": at,
		"source":  "https://vendor.example/base/tenants/" + url.PathEscape(refOr(plain("tenant_uuid"), "_")),
		"subject": refPresent(execution, "_") + "/" + refPresent(plain("sequence_no"), "_"), "partitionkey": refPresent(execution, ""),
	}}
	m.data = "{" + strings.Join(members, ",")
	if len(r.other) > 0 {
		m.data += `,"other":{` + strings.Join(r.other, ",") + "}"
	}
	m.data += "}"
	slug := func(name string) string { return refToken(notSlug.ReplaceAllString(asciiLower(plain(name)), "_")) }
	m.subject = strings.Join([]string{"pfx.tasks.LANE", refToken(plain("tenant_uuid")), slug("task_type"), slug("task_status")}, ".")
	return m
}

func refTaskTime(name string) bool {
	return slices.Contains([]string{"timestamp", "shift_begin", "shift_end", "task_timestamp_start", "task_timestamp_end", "processed_at"}, name)
}

// refTaskCell returns a column's value as JSON, empty where it has none.
func refTaskCell(name string, f saveris.Field) (string, bool) {
	text := refUTF8(string(f.Text))
	trimmed := strings.Trim(text, " \t\r\n")
	switch {
	case f.Kind == saveris.NotFinite:
		return "", false
	case strings.HasSuffix(name, "uuid"):
		uuid, ok := refText("uuid", f)
		if !ok || uuid == "" {
			return "", ok
		}
		return refQuote(uuid), true
	case refTaskTime(name):
		at, ok := refText("time", f)
		return refQuote(at), ok
	case name == "sequence_no":
		return refText("channel", f)
	case name == "has_corrective_action" || name == "marked_as_deleted":
		word := map[string]string{"true": "true", "1": "true", "false": "false", "0": "false"}[asciiLower(trimmed)]
		return word, word != "" && f.Kind != saveris.Nested
	case name == "parameters" || name == "context":
		var b bytes.Buffer
		if stdjson.Compact(&b, []byte(text)) != nil {
			return refQuote(text), true
		}
		return strings.TrimSuffix(b.String(), "null"), true
	}
	return refQuote(text), f.Kind != saveris.Nested
}
