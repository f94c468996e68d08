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
func firstOf(t Traffic, observe func(Exchange) string) string {
	for _, e := range t {
		if word := observe(e); word != "" {
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

// observeTimes looks at the times of measurements in the light of the range that they were asked for with. It is otherwise
// where there was a row and nothing was told.
func (t Traffic) observeTimes(observe func(from, until, at time.Time) string, otherwise string) string {
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
			if word := observe(from, until, at); word != "" {
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
func (t Traffic) announced(header string, observe func(text string) string) string {
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
		if word := observe(text); word != "" {
			return word
		}
		return is(text != "", "date")
	case old:
		return "document"
	}
	return "none"
}
