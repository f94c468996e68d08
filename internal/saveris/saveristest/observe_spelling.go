package saveristest

import (
	"regexp"
	"slices"
	"strings"
)

// spellingObservers observe how one and the same row is spelled.
var spellingObservers = map[string]func(Traffic) string{
	"csv.time": func(t Traffic) string { return mixture(dialects(t.texts(FeedMeasurements, "csv"))) },
	"json.time": func(t Traffic) string {
		return mixture(perFile(t.files(FeedMeasurements, "json"), dialects))
	},
	"time.fraction": func(t Traffic) string {
		return mixture(perFile(t.files(FeedMeasurements, "json"), func(text string) []string {
			return words(text, `T\d\d:\d\d:\d\d(\.?0*)Z`, map[string]string{"": "none", ".000": "zeros", ".000000000": "nine"})
		}))
	},
	"uuid.case": func(t Traffic) string {
		return mixture(perFile(t.files(FeedMeasurements, "json"), func(text string) []string {
			switch id := submatch(text, `"uuid":"([^"]*)"`); {
			case id == "":
				return nil
			case strings.Contains(id, " "):
				return []string{"padded"}
			case id == strings.ToUpper(id):
				return []string{"upper"}
			}
			return []string{"lower"}
		}))
	},
	"json.channel_no": func(t Traffic) string {
		return mixture(perFile(t.files(FeedMeasurements, "json"), func(text string) []string {
			switch no := submatch(text, `"channel_no":([^,]+),`); {
			case no == "":
				return nil
			case strings.HasPrefix(no, `"`):
				return []string{"string"}
			case strings.HasSuffix(no, ".0"):
				return []string{"float"}
			case strings.HasSuffix(no, "e0"):
				return []string{"exponent"}
			}
			return []string{"integer"}
		}))
	},
	"column.case": func(t Traffic) string {
		return mixture(perFile(t.files(FeedMeasurements, "json"), func(text string) []string {
			return words(text, `"(?i:( sensor_uuid |sensor_?uuid))"`, map[string]string{"sensor_uuid": "snake", "SENSOR_UUID": "upper", "sensorUuid": "camel", " sensor_uuid ": "padded"})
		}))
	},
	"value.broken_probe": func(t Traffic) string {
		for _, kind := range [][2]string{{`:NaN`, "NaN"}, {`:-?Infinity`, "Infinity"}, {`:"NaN"`, "string"}} {
			if regexp.MustCompile(kind[0]).MatchString(t.texts(FeedMeasurements, "json")) {
				return kind[1]
			}
		}
		return is(len(t.files(FeedMeasurements, "json")) > 0, "never")
	},
}

// words are the words that a pattern's matches stand for, each once.
func words(text, pattern string, meaning map[string]string) (found []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		if word := meaning[match[1]]; word != "" && !slices.Contains(found, word) {
			found = append(found, word)
		}
	}
	return found
}

// perFile is what each file shows, together.
func perFile(files Traffic, show func(text string) []string) (found []string) {
	for _, e := range files {
		for _, word := range show(e.text()) {
			if !slices.Contains(found, word) {
				found = append(found, word)
			}
		}
	}
	return found
}

// mixture is the one word that was found, or mixed where there were several.
func mixture(found []string) string {
	if len(found) > 1 {
		return "mixed"
	}
	return strings.Join(found, "")
}

// dialects are the ways in which the times of a file are written, which must be on whole minutes to tell all of them.
func dialects(text string) (found []string) {
	for _, dialect := range [][2]string{
		{`20\d\d-\d\d-\d\dT\d\d:\d\dZ`, "minutes"}, {`20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.000 UTC`, "UTC"}, {`20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.000[",\r\n]`, "blank"},
	} {
		if regexp.MustCompile(dialect[0]).MatchString(text) {
			found = append(found, dialect[1])
		}
	}
	if len(found) == 0 && regexp.MustCompile(`T\d\d:\d\d:\d\d(\.0+)?Z`).MatchString(text) {
		found = append(found, "T")
	}
	return found
}
