package saveristest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fileObservers observe what stands in files, and of the links to them.
var fileObservers = map[string]func(Traffic) string{
	"rows.late": func(t Traffic) string {
		late, rows := false, t.readings()
		for _, row := range rows {
			late = late || row["timestamp"] != row["processed_at"]
		}
		return is(len(rows) > 0, onOff(late))
	},
	"rows.retransmit": func(t Traffic) string {
		ids, rows := map[string]any{}, t.readings()
		for _, row := range rows {
			key := string(toJSON([]any{row["sensor_uuid"], row["channel_no"], row["timestamp"]}))
			if id, known := ids[key]; known && id != row["uuid"] {
				return "new"
			}
			ids[key] = row["uuid"]
		}
		return is(len(rows) > 0, "same")
	},
	"rows.changed_content": func(t Traffic) string {
		values, again := map[any]any{}, false
		for _, row := range t.readings() {
			value, known := values[row["uuid"]]
			if known && value != row["measurement"] {
				return "on"
			}
			values[row["uuid"]], again = row["measurement"], again || known
		}
		return is(again, "never")
	},
	"rows.extra_column": func(t Traffic) string {
		return eitherOf(t.files("", "json"), anything, func(e Exchange) bool { return strings.Contains(e.text(), "signal_quality") }, "on", "off")
	},
	"rows.missing_column": func(t Traffic) string {
		missing, rows := false, t.readings()
		for _, row := range rows {
			missing = missing || row["model_code"] == nil
		}
		return is(len(rows) > 0, onOff(missing))
	},

	"file.count": func(t Traffic) string {
		counts := map[int]bool{}
		most := 0
		for _, e := range t.completed("") {
			if n := len(e.links()); n > 0 {
				counts[n], most = true, max(most, n)
			}
		}
		switch {
		case len(counts) > 1:
			return "auto"
		case most == 1:
			return "1"
		}
		return is(most > 1, "n")
	},
	"file.max": func(t Traffic) string {
		most := 0
		for _, e := range t.completed("") {
			most = max(most, len(e.links()))
		}
		return is(most > 0, strconv.Itoa(most))
	},
	"file.order": func(t Traffic) string {
		return eitherOf(t.files(FeedMeasurements, "json"), hasRows, func(e Exchange) bool {
			times := regexp.MustCompile(`"timestamp":"[^"]+"`).FindAllString(e.text(), -1)
			return !slices.IsSorted(times)
		}, "shuffled", "sorted")
	},
	"file.duplicates": func(t Traffic) string {
		seen, files := map[string]bool{}, t.files(FeedMeasurements, "json")
		for _, e := range files {
			export, _, _ := strings.Cut(strings.TrimPrefix(e.Path, filesPrefix), "/")
			for _, row := range (Traffic{e}).rows(FeedMeasurements) {
				id, _ := row["uuid"].(string)
				if seen[export+id] {
					return "on"
				}
				seen[export+id] = true
			}
		}
		return is(len(files) > 0, "off")
	},
	"file.gzip": func(t Traffic) string {
		all := append(t.files("", "json"), t.files("", "csv")...)
		if all.any(func(e Exchange) bool { return e.Answer.Get("Content-Encoding") != "" }) {
			return "content-encoding"
		}
		plain := func(e Exchange) bool { return !e.packed() }
		json, csv := t.files("", "json").with(hasRows), t.files("", "csv").with(hasRows)
		switch {
		case len(json) == 0 || len(csv) == 0:
			return ""
		case !json.any(plain) && !csv.any(plain):
			return "always"
		case !json.any(Exchange.packed) && !csv.any(Exchange.packed):
			return "never"
		case !json.any(plain) && !csv.any(Exchange.packed):
			return "auto"
		}
		return "mixed"
	},
	"file.form": func(t Traffic) string {
		return firstOf(append(t.files("", "json"), t.files("", "csv")...), func(e Exchange) string {
			for start, form := range map[string]string{"\xff\xfe": "utf-16", "PK": "zip", "\x28\xb5": "zstd", "PAR1": "parquet", "c1d2e3f4": "textfile", "<!DOC": "html", `{"message"`: "message"} {
				if strings.HasPrefix(e.text(), start) {
					return form
				}
			}
			return "text"
		})
	},
	"file.last_newline": func(t Traffic) string {
		return eitherOf(append(t.files("", "json"), t.files("", "csv")...), hasRows, func(e Exchange) bool { return strings.HasSuffix(e.text(), "\n") }, "yes", "no")
	},

	"json.layout": func(t Traffic) string {
		files := t.files("", "json").with(hasRows)
		if files.any(func(e Exchange) bool { return strings.Contains(e.text(), "]\n[") }) {
			return "arrays" // a short file of theirs is one array
		}
		return cmp.Or(firstOf(files, func(e Exchange) string {
			for start, layout := range map[string]string{"[": "array", "{\n": "object", `{"version"`: "envelope", `{"data"`: "envelopes"} {
				if strings.HasPrefix(e.text(), start) {
					return layout
				}
			}
			return ""
		}), is(len(files) > 0, "lines")) // objects are for short results alone
	},
	"json.null": func(t Traffic) string {
		return eitherOf(t.files(FeedAlarms, "json"), hasRows, func(e Exchange) bool { return strings.Contains(e.text(), ":null") }, "null", "omitted")
	},
	"csv.quoting": func(t Traffic) string {
		return firstOf(t.files(FeedMeasurements, "csv"), func(e Exchange) string {
			_, rows, _ := strings.Cut(e.text(), "\n")
			switch {
			case !hasRows(e):
				return ""
			case strings.HasPrefix(rows, `"`):
				return "all"
			case strings.Contains(rows, `"`):
				return "minimal"
			}
			return "none"
		})
	},
	"csv.null": func(t Traffic) string {
		return firstOf(t.files(FeedAlarms, "csv"), func(e Exchange) string {
			return is(strings.Contains(e.text(), `,"",`), "quoted") + is(strings.Contains(e.text(), ",,"), "empty")
		})
	},

	"gzip.tail": func(t Traffic) string {
		return firstOf(append(t.files("", "json"), t.files("", "csv")...).with(Exchange.packed), Exchange.tail)
	},
	"file.appears": func(t Traffic) string {
		missing := firstOf(t.of("download", ""), func(e Exchange) string {
			return map[string]string{"NoSuchKey": "404 first", "Access Denied": "403 first"}[submatch(e.text(), `(NoSuchKey|Access Denied)`)]
		})
		return cmp.Or(missing, is(t.of("download", "").any(good), "at once"))
	},

	"url.life": func(t Traffic) string {
		return firstOf(t.completed(""), func(e Exchange) string {
			life, err := time.ParseDuration(submatch(e.text(), `X-Amz-Expires=(\d+)`) + "s")
			return is(err == nil, life.String())
		})
	},
	"url.death": func(t Traffic) string {
		return firstOf(t.of("download", ""), func(e Exchange) string {
			return map[string]string{"Request has expired": "403", "ExpiredToken": "ExpiredToken"}[submatch(e.text(), `(Request has expired|ExpiredToken)`)]
		})
	},
	"url.rejects_auth_header": func(t Traffic) string {
		return eitherOf(t.of("download", ""), withBearer, good, "no", "yes")
	},

	"alarm.names": func(t Traffic) string {
		return eitherOf(t.files(FeedAlarms, "json"), hasRows, func(e Exchange) bool { return strings.Contains(e.text(), `"physical_value"`) }, "document", "live")
	},
	"alarm.value": func(t Traffic) string {
		return firstOf(t.files(FeedAlarms, "json"), func(e Exchange) string {
			value := submatch(e.text(), `"alarm_value":("|\d|-)`)
			return is(value == `"`, "string") + is(value != "" && value != `"`, "number")
		})
	},
	"alarm.type_text": func(t Traffic) string {
		return firstOf(t.files(FeedAlarms, "json"), func(e Exchange) string { return submatch(e.text(), `"(measurement[ _]alarm)"`) })
	},
	"alarm.source_event": func(t Traffic) string {
		word := ""
		for _, row := range t.rows(FeedAlarms) {
			switch {
			case row["source_alarm_event_uuid"] != nil && row["alarm_status"] == statusAlarm:
				return "all"
			case row["source_alarm_event_uuid"] != nil:
				word = "closing"
			case word == "":
				word = "never"
			}
		}
		return word
	},
	"alarm.rows": func(t Traffic) string {
		word := ""
		for _, row := range t.rows(FeedAlarms) { // the end of an alarm is a row that points at its beginning, or the same row
			switch {
			case row["alarm_status"] == statusOk && row["source_alarm_event_uuid"] != nil:
				return "transition"
			case row["alarm_status"] == statusOk:
				word = "in-place"
			}
		}
		return word
	},
	"alarm.source_uuid": func(t Traffic) string {
		for _, row := range t.rows(FeedAlarms) {
			switch source, there := row["alarm_source_uuid"]; {
			case row["alarm_type"] != typeMeasuring:
			case !there || source == nil:
				return "null"
			case source == "":
				return "empty"
			default:
				return "sensor"
			}
		}
		return ""
	},
	"alarm.unknown": func(t Traffic) string {
		var kinds []string
		for _, what := range []string{"status", "severity", "reason"} {
			if ofAlarms(t, "alarm_"+what)[unknownWord] {
				kinds = append(kinds, what)
			}
		}
		if len(kinds) > 1 && !slices.Equal(kinds, []string{"status", "reason"}) { // a row of unknown status has no reason either
			return "mixed"
		}
		return is(len(t.rows(FeedAlarms)) > 0, strings.Join(append(kinds, "never")[:1], ""))
	},
	"alarm.closing": func(t Traffic) string {
		closing := map[any]bool{}
		for _, row := range t.rows(FeedAlarms) {
			if reason := row["alarm_reason"]; reason == reasonAdhered || reason == reasonGone || reason == reasonEnded {
				closing[row["alarm_status"]] = true
			}
		}
		switch {
		case len(closing) > 1:
			return "mixed"
		case closing[statusOk]:
			return statusOk
		}
		return is(len(closing) == 1, unknownWord)
	},
	"alarm.time_skew": func(t Traffic) string {
		word := ""
		for _, row := range t.rows(FeedAlarms) {
			at, _ := row["alarm_time"].(string)
			changed, _ := row["last_status_change_time"].(string)
			first, _ := time.Parse(time.RFC3339, at)
			then, _ := time.Parse(time.RFC3339, changed)
			if word = "seconds"; then.Sub(first) > 5*time.Second {
				return "minutes"
			}
		}
		return word
	},
	"local.suffix": func(t Traffic) string {
		return firstOf(t.files(FeedMeasurements, "json"), func(e Exchange) string {
			end := submatch(e.text(), `"timestamp_local":"[^"]*(Z|[+-]\d\d:\d\d)"`)
			return is(end == "Z", "Z") + is(len(end) > 1, "offset")
		})
	},
	"site.value": func(t Traffic) string {
		for _, row := range t.rows(FeedMeasurements) {
			switch site, _ := row["customer_site"].(string); {
			case site == "":
				return "null"
			case strings.HasPrefix(site, "R-"):
				return "text"
			default:
				return "uuid"
			}
		}
		return ""
	},
	"unit.text": func(t Traffic) string {
		return mixture(words(t.texts(FeedMeasurements, "json"), `"physical_unit":"(°C|(?i:celsius))"`, map[string]string{"°C": "°C", "CELSIUS": "CELSIUS", "celsius": "celsius"}))
	},
}

// readings are the rows of measurements in the columns of today.
func (t Traffic) readings() []map[string]any {
	return slices.DeleteFunc(t.rows(FeedMeasurements), func(row map[string]any) bool { return row["channel_no"] == nil })
}

// tail is what follows the first member of a compressed file.
func (e Exchange) tail() string {
	rest := bytes.NewReader(e.Body)
	zip, err := gzip.NewReader(rest)
	if err != nil {
		return ""
	}
	zip.Multistream(false)
	_, _ = io.Copy(io.Discard, zip)
	switch err := zip.Reset(rest); {
	case err == io.EOF:
		return "none"
	case err != nil:
		return "zeros"
	}
	zip.Multistream(false)
	n, _ := io.Copy(io.Discard, zip)
	return is(n == 0, "empty members") + is(n > 0, "member")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// hasRows reports whether a file has more than the frame of one.
func hasRows(e Exchange) bool { return len(e.text()) > 400 }

// ofAlarms are the values of a column of the alarms.
func ofAlarms(t Traffic, column string) map[any]bool {
	values := map[any]bool{}
	for _, row := range t.rows(FeedAlarms) {
		values[row[column]] = true
	}
	return values
}
