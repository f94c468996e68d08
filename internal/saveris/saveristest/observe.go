package saveristest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shows names the value of a switch that the traffic gives away, in the words of
// the switch; empty where nothing was exchanged that shows it. Of a number or a
// time it names what was seen of it. It looks at what went over the wire alone, so
// it proves that a value has an effect, and that a client has met it.
func (t Traffic) Shows(key string) string {
	for _, some := range []map[string]func(Traffic) string{observers, fileObservers, spellingObservers, fleetObservers} {
		if observe := some[key]; observe != nil {
			return observe(t)
		}
	}
	return ""
}

// observers has a way to see the value of every switch that the other lists do not have.
var observers = map[string]func(Traffic) string{
	"token.key": func(t Traffic) string {
		return firstOf(t.of("token", ""), func(e Exchange) string { return submatch(e.text(), `"([Ii]dToken)"`) })
	},
	"token.life": func(t Traffic) string { return firstOf(t.of("token", ""), Exchange.tokenLife) },
	"token.expires_in": func(t Traffic) string {
		return eitherOf(t.of("token", ""), good, func(e Exchange) bool { return strings.Contains(e.text(), "expires_in") }, "present", "absent")
	},
	"token.challenge": func(t Traffic) string {
		return eitherOf(t.of("token", ""), good, func(e Exchange) bool { return strings.Contains(e.text(), `": ""`) }, "on", "off")
	},

	"auth.accept": tellAccepted,
	"auth.expired": func(t Traffic) string {
		return firstOf(t.asking().with(withBearer), func(e Exchange) string {
			if e.Status == 401 || e.Status == 403 {
				return strconv.Itoa(e.Status)
			}
			return ""
		})
	},
	"auth.no_licence": func(t Traffic) string {
		return firstOf(t.asking(), func(e Exchange) string { return orOff(e.shape(), "403A", "403B", "403") })
	},
	"auth.no_licence_feed": func(t Traffic) string {
		return which(t.of("submit", FeedMeasurements).any(forbidden), t.of("submit", FeedAlarms).any(forbidden), "all", FeedMeasurements, FeedAlarms)
	},

	"post.status": func(t Traffic) string {
		return firstOf(t.of("submit", ""), func(e Exchange) string { return strings.TrimSpace(e.word()) })
	},
	"poll.waiting_word": func(t Traffic) string {
		return firstOf(t.waiting(), func(e Exchange) string {
			switch word := strings.TrimSpace(e.word()); word {
			case "":
				return "absent"
			case "Preparing":
				return "unknown"
			default:
				return word
			}
		})
	},
	"poll.fresh_urls": func(t Traffic) string {
		links := map[string]string{}
		return firstOf(t.completed(""), func(e Exchange) string {
			now := strings.Join(e.links(), " ")
			before, again := links[e.Path]
			links[e.Path] = now
			switch {
			case !again || now == "":
				return ""
			case before == now:
				return "no"
			}
			return "yes"
		})
	},
	"status.case": func(t Traffic) string {
		return firstOf(t.completed(""), func(e Exchange) string {
			return map[string]string{"Completed": "documented", "completed": "lower", " Completed  ": "padded"}[e.word()]
		})
	},
	"query.latency": func(t Traffic) string {
		return eitherOf(t.of("poll", ""), good, func(e Exchange) bool { return e.says("completed") }, "zero", "never")
	},
	"query.failure": func(t Traffic) string {
		return firstOf(t.failed(), func(e Exchange) string {
			if e.Status == 500 {
				return "500B"
			}
			return strings.TrimSpace(e.word())
		})
	},
	"query.failure_text": func(t Traffic) string {
		return firstOf(t.failed(), func(e Exchange) string {
			for _, name := range []string{"message", "error"} {
				if _, there := e.json()[name]; there {
					return name
				}
			}
			return "absent"
		})
	},
	"request.unknown": func(t Traffic) string {
		return firstOf(t.of("poll", ""), func(e Exchange) string {
			switch shape := e.shape(); {
			case e.says("error") && e.Status == 200:
				return "Error"
			case shape == "400B":
				return shape
			default:
				return strings.TrimRight(shape, "AB")
			}
		})
	},
	"request.other_path": func(t Traffic) string {
		posted := map[string]string{}
		for _, e := range t.of("submit", "") {
			id, _ := e.json()["request_uuid"].(string)
			posted[id] = e.Path
		}
		return eitherOf(t.of("poll", ""), func(e Exchange) bool {
			cut := strings.LastIndexByte(e.Path, '/')
			path, known := posted[e.Path[cut+1:]]
			return known && path != e.Path[:cut]
		}, good, "answered", "unknown")
	},
	"request.life": tellRequestLife,
	"pending.data_urls": func(t Traffic) string {
		return firstOf(t.waiting(), func(e Exchange) string { return memberText(e, "data_urls") })
	},
	"empty.result": tellEmpty,
	"completed.links": func(t Traffic) string {
		return firstOf(t.completed("").with(func(e Exchange) bool {
			return submatch(e.text(), `(?:data_urls|dataUrls|files)":\s*[\[{]?\s*([^\]}\s])`) != ""
		}), tellLinks)
	},
	"metadata_url": func(t Traffic) string {
		return eitherOf(t.completed(""), good, func(e Exchange) bool { return e.json()["metadata_url"] != nil }, "present", "missing")
	},
	"x_file_content": func(t Traffic) string {
		return eitherOf(t.completed(""), good, func(e Exchange) bool { return e.json()["x-file-content"] != nil }, "present", "omitted")
	},
	"post.504": func(t Traffic) string {
		submitted := t.of("submit", "")
		lost := submitted.with(func(e Exchange) bool { return e.Status == 504 })
		if len(lost) > 0 {
			return eitherOf(lost, anything, func(e Exchange) bool { return e.Started }, "started", "lost")
		}
		return is(submitted.any(good), "off")
	},

	"range.too_long": func(t Traffic) string { return t.tellRange(func(d time.Duration) bool { return d > rangeMax }) },
	"range.too_short": func(t Traffic) string {
		return t.tellRange(func(d time.Duration) bool { return d > 0 && d < rangeMin })
	},
	"range.reversed": func(t Traffic) string { return t.tellRange(func(d time.Duration) bool { return d <= 0 }) },
	"range.column": func(t Traffic) string {
		return t.observeTimes(func(from, until, at time.Time) string {
			if at.Before(from) || at.After(until) {
				return "processed_at"
			}
			return ""
		}, "event")
	},
	"range.ends": func(t Traffic) string {
		first, last := t.observeTimes(func(from, _, at time.Time) string { return is(at.Equal(from), "from") }, ""), t.observeTimes(func(_, until, at time.Time) string { return is(at.Equal(until), "until") }, "")
		return map[string]string{"fromuntil": "closed", "from": "half-open", "": "open", "until": "open-from"}[first+last]
	},

	"odata.alarm_names": func(t Traffic) string {
		takes := func(column string) bool {
			return t.of("submit", FeedAlarms).any(func(e Exchange) bool { return good(e) && strings.Contains(e.selected(), column) })
		}
		return which(takes("physical_property_name"), takes("physical_value"), "both", "live", "document")
	},
	"odata.bad_column": func(t Traffic) string {
		return firstOf(t.of("submit", FeedMeasurements).with(func(e Exchange) bool { return strings.Contains(e.selected(), "no_such_column") }), func(e Exchange) string {
			if good(e) {
				return is(t.pollsOf(e).any(func(p Exchange) bool { return p.says("error") }), "Error")
			}
			return e.shape()
		})
	},
	"select.order": func(t Traffic) string {
		return firstOf(t.files("", "csv"), func(e Exchange) string {
			head, _, _ := strings.Cut(e.text(), "\n")
			return map[string]string{`"uuid","measurement"`: "schema", `"measurement","uuid"`: "requested"}[head]
		})
	},

	"throttle": func(t Traffic) string {
		return firstOf(append(t.with(func(e Exchange) bool { return e.Status == 429 }), t...), func(e Exchange) string {
			if e.Status == 429 {
				text, _ := e.json()["message"].(string)
				return text
			}
			return is(good(e), "off")
		})
	},
	"throttle.rate": func(t Traffic) string {
		counted := t.with(func(e Exchange) bool {
			return e.Kind != "options" && e.Kind != "unknown" && e.Kind != "retired" && e.Kind != "moved"
		})
		before := slices.IndexFunc(counted, func(e Exchange) bool { return e.Status == 429 })
		return is(before >= 0, strconv.Itoa(before))
	},
	"throttle.retry_after": func(t Traffic) string {
		return firstOf(t.with(func(e Exchange) bool { return e.Status == 429 }), func(e Exchange) string {
			if wait := e.Answer.Get("Retry-After"); wait != "" {
				return wait + "s"
			}
			return "0s"
		})
	},
	"error.raw_quotes": func(t Traffic) string {
		return eitherOf(t, func(e Exchange) bool {
			return strings.Contains(e.text(), "BAD_REQUEST_BODY") && strings.Contains(e.text(), "allowed")
		},
			func(e Exchange) bool { return json.Valid([]byte(e.text())) }, "off", "on")
	},
	"error.gzip": func(t Traffic) string {
		return eitherOf(t, func(e Exchange) bool { return e.Status >= 400 && len(e.Body) > 0 }, Exchange.packed, "on", "off")
	},
	"path.unknown": func(t Traffic) string { return firstOf(t.of("unknown", "").with(withBearer), Exchange.unknown) },

	"retired": func(t Traffic) string {
		gone := func(feed string, version int) bool {
			return t.of("retired", feed).any(func(e Exchange) bool { return e.Version == version })
		}
		return map[[4]bool]string{
			{}: is(len(t.of("submit", "")) > 0, "off"), {true, false, true, false}: "newest", {false, true, false, true}: "older",
			{true, true, false, false}: FeedMeasurements, {false, false, true, true}: FeedAlarms, {true, true, true, true}: "all",
		}[[4]bool{gone(FeedMeasurements, 2), gone(FeedMeasurements, 1), gone(FeedAlarms, 3), gone(FeedAlarms, 2)}]
	},
	"retired.answer": func(t Traffic) string {
		return eitherOf(t.of("retired", ""), anything, func(e Exchange) bool { return e.Status == 410 }, "410", "path")
	},
	"deprecation": func(t Traffic) string {
		return t.announced("Deprecation", func(text string) string {
			return map[byte]string{'t': "true", '@': "@"}[text[0]]
		})
	},
	"sunset": func(t Traffic) string {
		return t.announced("Sunset", func(text string) string { return is(strings.HasPrefix(text, "next year"), "garbage") })
	},
	"date.header": func(t Traffic) string {
		return firstOf(t, func(e Exchange) string {
			text := e.Answer.Get("Date")
			at, err := time.Parse(time.RFC1123, text)
			switch {
			case text == "":
				return "missing"
			case err != nil:
				return "garbage"
			case e.At.Sub(at) < time.Second:
				return "true"
			}
			return "frozen"
		})
	},
	"redirect": func(t Traffic) string {
		if moved := t.of("moved", ""); len(moved) > 0 {
			return strconv.Itoa(moved[0].Status)
		}
		return is(len(t.of("token", "")) > 0, "off")
	},
	"redirect.to": func(t Traffic) string {
		return firstOf(t.of("moved", ""), func(e Exchange) string {
			u, err := url.Parse(e.Answer.Get("Location"))
			switch {
			case err != nil:
				return ""
			case u.Host != "":
				return "other"
			case strings.HasPrefix(u.Path, movedTo) && !strings.HasPrefix(e.Path, movedTo):
				return "same"
			}
			return "loop"
		})
	},

	"sync": func(t Traffic) string {
		if answers := t.of("sync", "").with(good); len(answers) > 0 {
			return map[byte]string{'[': "array", '{': "object"}[answers[0].text()[0]]
		}
		return is(t.of("unknown", "").any(func(e Exchange) bool { return strings.HasPrefix(e.Path, "/v1/measurements?") }), "off")
	},
	"sync.columns": func(t Traffic) string {
		return eitherOf(t.of("sync", FeedMeasurements), good, func(e Exchange) bool { return strings.Contains(e.text(), `"measurement_value"`) }, "v1", "v2")
	},
	"sync.limit": func(t Traffic) string {
		return eitherOf(t.of("sync", ""), anything, func(e Exchange) bool { return e.Status == 413 }, "100", "6291456")
	},
}
