package saveristest

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
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
	for _, some := range []map[string]func(Traffic) string{tells, fileTells} {
		if tell := some[key]; tell != nil {
			return tell(t)
		}
	}
	return ""
}

// tells has a way to see the value of every switch that fileTells does not have.
var tells = map[string]func(Traffic) string{
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
		return t.tellTimes(func(from, until, at time.Time) string {
			if at.Before(from) || at.After(until) {
				return "processed_at"
			}
			return ""
		}, "event")
	},
	"range.ends": func(t Traffic) string {
		first, last := t.tellTimes(func(from, _, at time.Time) string { return is(at.Equal(from), "from") }, ""), t.tellTimes(func(_, until, at time.Time) string { return is(at.Equal(until), "until") }, "")
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

func good(e Exchange) bool       { return e.Status == 200 }
func forbidden(e Exchange) bool  { return e.Status == 403 }
func anything(Exchange) bool     { return true }
func withBearer(e Exchange) bool { return e.Header.Get("Authorization") != "" }

// is is the word where something holds, else nothing.
func is(holds bool, word string) string {
	if holds {
		return word
	}
	return ""
}

// firstOf is the first word that one of the exchanges tells.
func firstOf(t Traffic, tell func(Exchange) string) string {
	for _, e := range t {
		if word := tell(e); word != "" {
			return word
		}
	}
	return ""
}

// eitherOf is yes where a condition holds for one of those that count, no where it holds for none.
func eitherOf(t Traffic, counts, holds func(Exchange) bool, yes, no string) string {
	switch t = t.with(counts); {
	case len(t) == 0:
		return ""
	case t.any(holds):
		return yes
	}
	return no
}

// which names what of two things is the case.
func which(first, second bool, both, one, other string) string {
	switch {
	case first && second:
		return both
	case first:
		return one
	case second:
		return other
	}
	return ""
}

func submatch(text, pattern string) string {
	if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// asking are the requests that need a login.
func (t Traffic) asking() Traffic {
	return t.with(func(e Exchange) bool { return e.Kind == "submit" || e.Kind == "poll" || e.Kind == "sync" })
}

func orOff(shape string, values ...string) string {
	if slices.Contains(values, shape) {
		return shape
	}
	return is(shape == "", "off")
}

func (t Traffic) completed(feed string) Traffic {
	return t.of("poll", feed).with(func(e Exchange) bool { return e.Status == 200 && e.says("completed") })
}

func (t Traffic) failed() Traffic {
	return t.of("poll", "").with(func(e Exchange) bool {
		return e.Status == 500 || e.Status == 200 && (e.says("error") || e.says("failed"))
	})
}

func (t Traffic) waiting() Traffic {
	return t.of("poll", "").with(func(e Exchange) bool {
		return e.Status == 200 && !e.says("completed") && !e.says("error") && !e.says("failed")
	})
}

// links are the signed links of an answer, wherever they stand.
func (e Exchange) links() (links []string) {
	for _, link := range regexp.MustCompile(`https?://[^"\s,\\]+X-Amz-[^"\s,\\]+`).FindAllString(e.text(), -1) {
		if !strings.Contains(link, ".metadata") {
			links = append(links, link)
		}
	}
	return links
}

func (e Exchange) tokenLife() string {
	token := submatch(e.text(), `"\w+": "([^"]+)"`)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Exp, Iat int64 }
	if json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	return (time.Duration(claims.Exp-claims.Iat) * time.Second).String()
}

func tellAccepted(t Traffic) string {
	login := t.of("token", "").any(good) && t.asking().with(withBearer).any(good)
	key := t.asking().any(func(e Exchange) bool { return e.Header.Get("X-Custom-Api-Key") != "" && e.Status != 401 })
	tried := t.any(func(e Exchange) bool { return e.Header.Get("X-Custom-Api-Key") != "" }) && len(t.of("token", "")) > 0
	return is(tried, which(login, key, "both", "token", "key"))
}

// tellRequestLife is the age of the youngest request that was not known any more.
func tellRequestLife(t Traffic) string {
	posted := map[string]time.Time{} // by the path to poll
	for _, e := range t.of("submit", "") {
		posted[e.Path+"/"+e.Request()] = e.At
	}
	var least time.Duration
	for _, e := range t.of("poll", "").with(func(e Exchange) bool { return e.Status != 200 }) {
		if at, known := posted[e.Path]; known && (least == 0 || e.At.Sub(at) < least) {
			least = e.At.Sub(at)
		}
	}
	return is(least > 0, least.String())
}

// memberText is a member of an answer as it stands there.
func memberText(e Exchange, name string) string {
	value, there := e.json()[name]
	if !there {
		return "missing"
	}
	return string(toJSON(value))
}

// tellEmpty looks at results without a link, and at files without a row.
func tellEmpty(t Traffic) string {
	word := firstOf(t.completed(""), func(e Exchange) string {
		if len(e.links()) > 0 {
			return ""
		}
		return memberText(e, "data_urls")
	})
	if word != "" {
		return word
	}
	return firstOf(t.of("download", ""), func(e Exchange) string {
		text := strings.TrimSpace(e.text())
		switch {
		case e.Status != 200:
			return ""
		case text == "" && strings.Contains(e.Path, ".csv"):
			return "blank"
		case text == "[]", text != "" && strings.Contains(e.Path, ".csv") && !strings.Contains(text, "\n"):
			return "header-only"
		}
		return ""
	})
}

func tellLinks(e Exchange) string {
	body := e.json()
	switch list := body["data_urls"].(type) {
	case string:
		return "string"
	case map[string]any:
		return "object"
	case []any:
		switch one := list[0].(type) {
		case string:
			return "data_urls"
		case map[string]any:
			return is(one["href"] != nil, "objects") + is(one["bucket"] != nil, "keys")
		}
	}
	for name, word := range map[string]string{"dataUrls": "camel", "files": "other_name", "result": "nested"} {
		if body[name] != nil {
			return word
		}
	}
	return ""
}

// Asked is the range that a submission or a synchronous request asks for.
func (e Exchange) Asked() (from, until time.Time, ok bool) {
	var body struct{ From, Until string }
	var long struct {
		From  string `json:"date_time_from"`
		Until string `json:"date_time_until"`
	}
	switch {
	case e.Kind == "submit" && json.Unmarshal(e.Sent, &long) == nil:
		body.From, body.Until = long.From, long.Until
	case e.Kind == "sync":
		if u, err := url.Parse(e.Path); err == nil {
			body.From, body.Until = u.Query().Get("date_time_from"), u.Query().Get("date_time_until")
		}
	}
	from, errFrom := time.Parse(time.RFC3339, body.From)
	until, errUntil := time.Parse(time.RFC3339, body.Until)
	return from, until, errFrom == nil && errUntil == nil
}

// selected is $select of a submission.
func (e Exchange) selected() string {
	var body struct {
		OData map[string]string `json:"odata"`
	}
	_ = json.Unmarshal(e.Sent, &body)
	return body.OData["$select"]
}

// tellRange is how ranges of some length are answered.
func (t Traffic) tellRange(meant func(time.Duration) bool) string {
	return firstOf(t.of("submit", ""), func(e Exchange) string {
		from, until, ok := e.Asked()
		if !ok || !meant(until.Sub(from)) {
			return ""
		}
		if e.Status != 200 {
			return e.shape()
		}
		return firstOf(t.pollsOf(e), func(p Exchange) string {
			switch {
			case p.says("error"):
				return "Error"
			case p.says("completed") && len(p.links()) == 0:
				return "empty"
			}
			return is(p.says("completed"), "accepted")
		})
	})
}

// Request is the request_uuid that a submission was answered with.
func (e Exchange) Request() string {
	id, _ := e.json()["request_uuid"].(string)
	return id
}

// pollsOf are the polls of a submission, and downloads likewise.
func (t Traffic) pollsOf(submit Exchange) Traffic {
	id := submit.Request()
	return t.with(func(e Exchange) bool { return id != "" && e.Kind != "submit" && strings.Contains(e.Path, id) })
}

// tellTimes looks at the times of measurements in the light of the range that they were asked for with. It is otherwise
// where there was a row and nothing was told.
func (t Traffic) tellTimes(tell func(from, until, at time.Time) string, otherwise string) string {
	rows := 0
	for _, submit := range t.of("submit", FeedMeasurements) {
		from, until, ok := submit.Asked()
		if !ok {
			continue
		}
		for _, row := range t.pollsOf(submit).rows(FeedMeasurements) {
			text, _ := row["timestamp"].(string)
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				continue
			}
			rows++
			if word := tell(from, until, at); word != "" {
				return word
			}
		}
	}
	return is(rows > 0, otherwise)
}

func (e Exchange) unknown() string {
	kind := e.Answer.Get("X-Amzn-Errortype")
	switch {
	case e.Status == 403 && kind == "IncompleteSignatureException" && strings.Contains(e.text(), "Credential"):
		return "403-credential"
	case e.Status == 403 && kind == "IncompleteSignatureException":
		return "403-signature"
	}
	return strconv.Itoa(e.Status)
}

// announced is how endpoints announce their end: on all of them, or on the older ones alone.
func (t Traffic) announced(header string, tell func(text string) string) string {
	old, all, text := false, false, ""
	seen := false
	for _, e := range t.asking().with(func(e Exchange) bool { return e.Kind != "sync" }) {
		value := e.Answer.Get(header)
		isOld := e.Version != newest[e.Feed]
		seen = seen || isOld
		old, all = old || isOld && value != "", all || !isOld && value != ""
		if value != "" {
			text = value
		}
	}
	for _, e := range t.of("token", "") {
		all = all || e.Answer.Get(header) != ""
	}
	switch {
	case !seen:
		return ""
	case all:
		if word := tell(text); word != "" {
			return word
		}
		return is(text != "", "date")
	case old:
		return "document"
	}
	return "none"
}
