package saveris

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

const longestPoll = 30 * time.Second

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
	if s.members, err = membersOf(text); err != nil {
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

func (s *status) word() string { return strings.ToLower(strings.TrimSpace(s.Status)) }

func (s *status) done() bool { return s.word() == "completed" }

// failed: Error by the document, Failed by the developer site. Every other word means that it goes on.
func (s *status) failed() bool { return s.word() == "error" || s.word() == "failed" }

// said shows the answer as it came; of markup what it tells, for other elements may hold what was signed.
func (c *Client) said(s status) string {
	text := string(s.text)
	if s.members == nil {
		_, _, text = vendorText(s.text)
	}
	return cmp.Or(c.clean(text[:min(len(text), 8*maxText)]), "empty")
}

// links are those of a completed export.
func (c *Client) links(op string, s status) ([]string, error) {
	links, err := linksOf(s.members)
	if err != nil {
		return nil, &Error{Op: op, Status: http.StatusOK, Err: ErrNotUnderstood, Text: c.clean(err.Error())}
	}
	return links, nil
}

// queryFailed is the vendor's final word on a query. The advice for it is a smaller range.
func (c *Client) queryFailed(op string, s status) error {
	return &Error{Op: op, Status: http.StatusOK, Kind: word(strings.TrimSpace(s.Status)),
		Text: c.clean(s.Message), Err: ErrTooLarge}
}

// ready polls an export until it is completed and gives its links. The deadline is the vendor's: while he makes us wait
// for throttling, it waits too.
func (c *Client) ready(ctx context.Context, x export, deadline time.Duration) ([]string, error) {
	begin := time.Now()
	end := begin.Add(deadline)
	waits := growing(c.pace.begin(), longestPoll)
	for {
		wait := min(waits.NextBackOff(), time.Until(end))
		if err := sleep(ctx, max(wait, 0)); err != nil {
			return nil, err
		}
		s, waited, err := c.poll(ctx, x)
		end = end.Add(waited)
		if err != nil {
			return nil, err
		}
		if s.done() {
			c.pace.learn(time.Since(begin) - waited)
			return c.links("poll "+string(x.feed), s)
		}
		if !time.Now().Before(end) {
			return nil, &Error{Op: "poll " + string(x.feed), Err: ErrTooLarge, cause: errNotReady,
				Text: fmt.Sprintf("not ready after %v, the last answer was %s", deadline, c.said(s))}
		}
	}
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

// begin is the wait before an export is polled first: half of what the last ones took.
func (p *pace) begin() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(max(p.took/2, p.first), 5*time.Second)
}

func (p *pace) learn(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.took == 0 {
		p.took = took
	}
	p.took += (took - p.took) / 4
}
