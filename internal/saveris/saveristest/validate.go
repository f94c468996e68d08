package saveristest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	rangeMin = 5 * time.Minute    // least range of the vendor's guidance
	rangeMax = 7 * 24 * time.Hour // and the greatest
)

var formats = []string{"CSV", "ORC", "PARQUET", "AVRO", "JSON", "TEXTFILE"}

// jsonBody reads a JSON object; detail says what the gateway finds wrong.
func (x *exchange) jsonBody() (body map[string]any, detail string) {
	raw, err := io.ReadAll(io.LimitReader(x.r.Body, 1<<20))
	if err != nil || len(strings.TrimSpace(string(raw))) == 0 {
		return nil, "[]"
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, "[Invalid JSON payload]"
	}
	body, ok := value.(map[string]any)
	if !ok {
		return nil, wrongType(value, "object")
	}
	return body, ""
}

// wrongType is the validator's sentence about one value; it holds bare quotes.
func wrongType(value any, want string) string {
	return fmt.Sprintf(`[instance type (%s) does not match any allowed primitive type (allowed: ["%s"])]`, jsonType(value), want)
}

func jsonType(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// wrongTypes checks that members are strings where they are present.
func wrongTypes(body map[string]any, names ...string) string {
	for _, n := range names {
		if v, present := body[n]; present {
			if _, ok := v.(string); !ok {
				return wrongType(v, "string")
			}
		}
	}
	return ""
}

// member returns a member that must be an object, and whether it is there.
func member(body map[string]any, name string) (object map[string]any, detail string) {
	v, present := body[name]
	if !present {
		return nil, ""
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, wrongType(v, "object")
	}
	return object, ""
}

// validate is the gateway's check of an export's body (document 5): types, the
// format, the closed odata object. What a model does not define passes silently.
func validate(body map[string]any, model takes) (detail string) {
	if model.ranged() || model == takesInertRange {
		if detail = wrongTypes(body, "date_time_from", "date_time_until"); detail != "" {
			return detail
		}
	}
	options, detail := member(body, "options")
	if detail != "" {
		return detail
	}
	if format, present := options["result_file_format"]; present {
		text, ok := format.(string)
		if !ok {
			return wrongType(format, "string")
		}
		if !slices.Contains(formats, text) {
			return fmt.Sprintf(`[instance value ("%s") not found in enum (possible values: ["%s"])]`, text, strings.Join(formats, `","`))
		}
	}
	if !model.odata() {
		return ""
	}
	return validateOData(body)
}

func validateOData(body map[string]any) string {
	odata, detail := member(body, "odata")
	if detail != "" {
		return detail
	}
	var unknown []string
	for name := range odata {
		if name != "$filter" && name != "$select" && name != "$orderby" {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return fmt.Sprintf(`[object instance has properties which are not allowed by the schema: ["%s"]]`, strings.Join(unknown, `","`))
	}
	return wrongTypes(odata, "$filter", "$select", "$orderby")
}

// typed reports whether the content type matches the model: only then does the
// gateway check (inferred).
func (x *exchange) typed() bool {
	t, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	return t == "application/json"
}

// timeRange applies the defaults: from = now - 1 h, until = from + 1 h (document 5).
func timeRange(fromText, untilText string, now time.Time) (from, until time.Time, err error) {
	from = now.Add(-time.Hour).Truncate(time.Second)
	if fromText != "" {
		if from, err = time.Parse(time.RFC3339, fromText); err != nil {
			//lint:ignore ST1005 the vendor's own text
			return from, until, fmt.Errorf("Invalid request: date_time_from %s is no date-time.", strconv.Quote(fromText))
		}
	}
	until = from.Add(time.Hour)
	if untilText != "" {
		if until, err = time.Parse(time.RFC3339, untilText); err != nil {
			//lint:ignore ST1005 the vendor's own text
			return from, until, fmt.Errorf("Invalid request: date_time_until %s is no date-time.", strconv.Quote(untilText))
		}
	}
	return from.UTC(), until.UTC(), nil
}

// unknownColumn finds a column in $select, $orderby or $filter that the feed does
// not have; empty if all are known. Nothing else of $orderby and $filter is looked at.
func unknownColumn(sw *Switches, op operation, odata map[string]any) string {
	known := columnsOf(sw, op)
	for _, option := range []string{"$select", "$orderby", "$filter"} {
		text, _ := odata[option].(string)
		for _, name := range identifiers(text) {
			if !slices.Contains(known, name) {
				return name
			}
		}
	}
	return ""
}

func columnsOf(sw *Switches, op operation) []string {
	switch op.feed {
	case FeedMeasurements:
		return columnsV2
	case FeedTasks:
		return columnsTask
	case FeedAlarms:
	default:
		return fleetColumns(sw, op.feed, op.version)
	}
	known := slices.Clone(columnsAlarm)
	for live, doc := range documentNames {
		switch sw.ODataAlarmNames {
		case "both":
			known = append(known, doc)
		case "document":
			known[slices.Index(known, live)] = doc
		}
	}
	return known
}

// odataWords are no column names.
var odataWords = strings.Fields("eq ne gt ge lt le and or not asc desc true false null contains startswith endswith tolower toupper length in")

// identifiers are the words of an expression that can only be columns.
func identifiers(text string) (names []string) {
	for i, part := range strings.Split(text, "'") {
		if i%2 == 1 {
			continue // inside quotes
		}
		for _, word := range strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune(" ,()\t\n", r) }) {
			if !slices.Contains(odataWords, word) && !strings.ContainsAny(word[:1], "0123456789-+.") {
				names = append(names, word)
			}
		}
	}
	return names
}
