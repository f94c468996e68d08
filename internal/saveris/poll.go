package saveris

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/sleep"
)

// Bounds of the waits between two looks at an export.
const (
	longestFirst = 5 * time.Second
	longestPoll  = 30 * time.Second
)

// status is the answer to a submission or a poll. No member is promised (document, 6): status words come in any spelling,
// links in any shape.
type status struct {
	Status      string
	RequestUUID string
	Message     string // where a failure has a text at all
	text        []byte // the answer as it came
	members     []member
}

// readStatus reads the answer to a submission or a poll. What is no JSON object is a status of which nothing is known.
func readStatus(resp *http.Response) (status, error) {
	text, err := readText(resp)
	if err != nil {
		return status{}, err
	}
	s := status{text: text}
	members, _ := membersOf(text) // nil where it is none
	if s.members = within(text, deepestStatus); s.members == nil {
		s.members = members
	}
	if s.members == nil {
		return s, notJSON(text)
	}
	for _, m := range s.members {
		switch m.folded() {
		case "status":
			s.Status = plainText([]byte(m.value))
		case "requestuuid":
			s.RequestUUID = plainText([]byte(m.value))
		case "message":
			s.Message = plainText([]byte(m.value))
		case "error":
			s.Message = cmp.Or(s.Message, plainText([]byte(m.value)))
		}
	}
	return s, nil
}

// deepestStatus is how many objects, lists and texts may stand around a status.
const deepestStatus = 4

// within finds the members of the status that stands in an answer: they are its own where one of them is a status word, or
// those of the only object within it that has one. Gateways and functions wrap answers in objects, and in texts of objects.
func within(value jsontext.Value, depth int) []member {
	if depth == 0 {
		return nil
	}
	var inside []jsontext.Value
	switch value.Kind() {
	case '"':
		return within(jsontext.Value(strings.TrimSpace(plainText([]byte(value)))), depth-1)
	case '[':
		inside = elementsOf(value)
	case '{':
		members, err := membersOf(value)
		if err != nil || slices.ContainsFunc(members, func(m member) bool { return m.folded() == "status" && m.value.Kind() == '"' }) {
			return members
		}
		for _, m := range members {
			inside = append(inside, m.value)
		}
	}
	var only []member
	for _, v := range inside {
		if found := within(v, depth-1); found != nil && only != nil {
			return nil
		} else if found != nil {
			only = found
		}
	}
	return only
}

func (s *status) word() string { return strings.ToLower(strings.TrimSpace(s.Status)) }

func (s *status) done() bool { return s.word() == "completed" }

// failed: Error by the document, Failed by the developer site. Every other word means that it goes on.
func (s *status) failed() bool { return s.word() == "error" || s.word() == "failed" }

// shown returns the answer as it came; of markup its text, for other elements may hold what was signed.
func (c *Client) shown(s status) string {
	text := string(s.text)
	if s.members == nil {
		_, _, text = vendorText(s.text)
	}
	return cmp.Or(c.sanitize(text[:min(len(text), 8*maxText)]), "empty")
}

// links are those of a completed export.
func (c *Client) links(op string, s status) ([]string, error) {
	links, err := linksOf(s.members)
	if err != nil {
		return nil, &Error{Op: op, Status: http.StatusOK, Err: ErrNotUnderstood, Text: c.sanitize(err.Error())}
	}
	return links, nil
}

// queryFailed is the vendor's final word on a query. The advice for it is a smaller range.
func (c *Client) queryFailed(op string, s status) error {
	return &Error{Op: op, Status: http.StatusOK, Kind: word(strings.TrimSpace(s.Status)),
		Text: c.sanitize(s.Message), Err: ErrTooLarge}
}

// mostNotReady is how often in a row an export may be not ready in time before it is given up: the vendor has lost it, or the
// window is too much for him.
const mostNotReady = 2

// ready polls an export until it is completed, and returns its links. While the vendor makes us wait for throttling, his time
// does not run.
func (c *Client) ready(ctx context.Context, x *export, q *Query) ([]string, error) {
	if !isSnapshot(q.Feed) { // nobody waits for a window of it
		c.flights.begin(x, q)
		defer c.flights.end(x)
	}
	timeout := cmp.Or(q.Timeout, c.cfg.ExportTimeout)
	begin, held := time.Now(), x.waited
	end := begin.Add(timeout)
	for wait := c.pace.begin(); ; wait = min(wait*3/2, longestPoll) {
		if err := sleep.For(ctx, max(0, min(longer(wait), time.Until(end)))); err != nil {
			return nil, err
		}
		s, waited, err := c.poll(ctx, *x)
		end, x.waited = end.Add(waited), x.waited+waited
		if err != nil {
			return nil, err
		}
		if s.done() {
			c.pace.learn(time.Since(begin) - (x.waited - held))
			return c.links("poll "+string(x.feed), s)
		}
		q.onNotReady(x.askedLocal)
		if !time.Now().Before(end) {
			return nil, x.unready(timeout, c.shown(s))
		}
	}
}

// longer lengthens a wait by up to a tenth, so that many do not end at once.
func longer(d time.Duration) time.Duration { return d + rand.N(d/10+1) }

// unready is the error of an export that is not ready in time, or never.
func (x *export) unready(timeout time.Duration, said string) error {
	age := time.Since(x.askedLocal) - x.waited
	e := &Error{Op: "poll " + string(x.feed), Err: ErrNotReady, Text: fmt.Sprintf("asked for at %s, not ready after %v, the last answer was %s", stamp(x.askedAt.Truncate(time.Second)), age.Round(time.Second), said)}
	if age >= mostNotReady*timeout {
		e.Err, e.cause = ErrTooLarge, errLost
	}
	return e
}

// poll asks for the state of an export once. An answer that is no JSON object counts as a state we do not know.
func (c *Client) poll(ctx context.Context, x export) (s status, waited time.Duration, err error) {
	op := "poll " + string(x.feed)
	ans, err := c.call(ctx, call{op: op, method: http.MethodGet, path: x.path, id: x.uuid})
	if err != nil {
		return s, 0, pollError(err)
	}
	s, err = readStatus(ans.Response)
	if errors.Is(err, errLong) {
		return status{}, ans.waited, &Error{Op: op, Status: http.StatusOK, Text: err.Error(), Err: ErrTooLarge}
	}
	if err != nil {
		return s, ans.waited, ctx.Err()
	}
	if s.failed() {
		return s, ans.waited, c.queryFailed(op, s)
	}
	return s, ans.waited, nil
}

// pollError says what an answer means that is none. What the vendor says to an export that he does not know is not
// written anywhere: 400, 403 and 404 are taken for that, and a submission that is refused as well will tell the truth.
// A 500 with the word Error is a failed query (document, 6).
func pollError(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusGone:
		if e.Kind != "WAF_FILTERED" {
			e.Err = errForgotten
		}
	case http.StatusInternalServerError:
		if strings.EqualFold(e.word, "error") {
			e.Err = ErrTooLarge
		}
	}
	return err
}

// pace remembers how long exports take here, so that a quick vendor is polled soon and a slow one rarely.
type pace struct {
	first time.Duration // while nothing is known

	mu   sync.Mutex
	took time.Duration
}

// begin is the wait before an export is polled first: half of what the last ones took, where that is more than the first wait.
func (p *pace) begin() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.first, min(p.took/2, longestFirst))
}

func (p *pace) learn(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.took == 0 {
		p.took = took
	}
	p.took += (took - p.took) / 4
}
