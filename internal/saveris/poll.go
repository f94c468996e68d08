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

// status is the answer to a submission or a poll. No member is promised (document, 6); status words come in any
// spelling, links may be missing or null, x-file-content is documentation and ignored.
type status struct {
	Status      string
	RequestUUID string   `json:"request_uuid"`
	DataURLs    []string `json:"data_urls"`
	Message     string   // where a failure has a text at all
	Err         string   `json:"error"`
}

func (s *status) word() string { return strings.ToLower(strings.TrimSpace(s.Status)) }

func (s *status) done() bool { return s.word() == "completed" }

// failed: Error by the document, Failed by the developer site. Every other word means that it goes on.
func (s *status) failed() bool { return s.word() == "error" || s.word() == "failed" }

// queryFailed is the vendor's final word on a query. The advice for it is a smaller range.
func (c *Client) queryFailed(op string, s status) error {
	return &Error{Op: op, Status: http.StatusOK, Kind: word(strings.TrimSpace(s.Status)),
		Text: c.clean(cmp.Or(s.Message, s.Err)), Err: ErrTooLarge}
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
			return s.DataURLs, nil
		}
		if !time.Now().Before(end) {
			return nil, &Error{Op: "poll " + string(x.feed), Err: ErrTooLarge, cause: errNotReady,
				Text: fmt.Sprintf("not ready after %v", deadline)}
		}
	}
}

// poll asks for the state of an export once. An answer that is no JSON counts as a state we do not know.
func (c *Client) poll(ctx context.Context, x export) (s status, waited time.Duration, err error) {
	op := "poll " + string(x.feed)
	ans, err := c.call(ctx, call{op: op, method: http.MethodGet, path: exports[x.feed] + "/" + x.uuid})
	if err != nil {
		return s, 0, pollError(err)
	}
	err = readJSON(ans.Response, &s)
	if errors.Is(err, errLong) {
		return status{}, ans.waited, &Error{Op: op, Status: http.StatusOK, Text: err.Error(), Err: ErrTooLarge}
	}
	if err != nil {
		return status{}, ans.waited, ctx.Err()
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
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
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
