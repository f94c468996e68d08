package saveris

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxErrorBody = 64 << 10 // bytes of an error body that are looked at
	maxText      = 300      // characters of the vendor's text that an error carries
)

// newError makes an error of an answer that is none. The body is one of the shapes A to F of the vendor's document,
// section 13, or what a proxy on the way made of it; it is not closed.
func (c *Client) newError(op string, resp *http.Response) *Error {
	e := &Error{Op: op, Status: resp.StatusCode, Wait: c.retryAfter(resp)}
	var body []byte
	if plain, err := gunzip(io.LimitReader(resp.Body, maxErrorBody)); err == nil {
		body, _ = io.ReadAll(io.LimitReader(plain, maxErrorBody))
	}
	e.Kind, e.word, e.Text = vendorText(body)
	if e.Kind == "" {
		e.Kind, _, _ = strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	}
	if text := whereTo(resp); text != "" {
		e.Text = text
	}
	e.Kind, e.Text = word(e.Kind), c.sanitize(e.Text)
	return e
}

// vendorText finds the vendor's word for an error, his status word and his explanation in a body of any shape.
func vendorText(body []byte) (kind, status, text string) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if kind := between(body, "<Code>", "</Code>"); kind != "" { // S3; other elements may hold what was signed
		return kind, "", between(body, "<Message>", "</Message>")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		// Gateway templates paste texts into JSON without escaping: the body may be no JSON although it looks like it.
		if title := between(body, "<title>", "</title>"); title != "" { // a page of the load balancer
			return "", "", title
		}
		return between(body, `"type": "`, `"`), "", string(body)
	}
	for _, name := range []string{"detail", "title", "message", "Message", "error"} {
		if text = plainText(members[name]); text != "" {
			break
		}
	}
	if text == "" {
		text = string(body)
	}
	status = plainText(members["status"])
	if status == "" {
		status = plainText(members["Status"])
	}
	return plainText(members["type"]), status, text
}

// plainText returns a JSON string's text, another value's own text, and nothing for null.
func plainText(value json.RawMessage) string {
	var text string
	if len(value) == 0 || json.Unmarshal(value, &text) == nil {
		return strings.TrimSpace(text)
	}
	return string(value)
}

func between(body []byte, before, after string) string {
	_, rest, found := bytes.Cut(body, []byte(before))
	inner, _, closed := bytes.Cut(rest, []byte(after))
	if !found || !closed {
		return ""
	}
	return string(inner)
}

// word keeps only what a constant is made of.
func word(kind string) string {
	if len(kind) > 64 || strings.ContainsFunc(kind, func(r rune) bool {
		return r != '_' && r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	}) {
		return ""
	}
	return kind
}

var (
	signedLink = regexp.MustCompile(`(?i)(https?://[^\s?"'<>]*)\?[^\s"'<>]*`)
	signature  = regexp.MustCompile(`(?i)\b(X-Amz-[A-Za-z-]+|Signature|AWSAccessKeyId|Expires)=[^\s&"'<>]*`)
	userInfo   = regexp.MustCompile(`://[^/\s@"']*@`)
	tokenText  = regexp.MustCompile(`eyJ[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]*)*`)
	tokenHash  = regexp.MustCompile(`[A-Za-z0-9+/]{43}=`) // SHA-256 in Base64
)

// sanitize makes a text of the vendor's fit for an error: one line, no control characters, no secrets (the gateway echoes
// the Authorization header in some refusals), no queries of links, and short.
func (c *Client) sanitize(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	for _, secret := range c.secrets() {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	text = tokenText.ReplaceAllString(text, "[redacted]")
	text = tokenHash.ReplaceAllString(text, "[redacted]")
	text = userInfo.ReplaceAllString(text, "://")
	text = signedLink.ReplaceAllString(text, "$1")
	text = signature.ReplaceAllString(text, "$1=[redacted]")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if utf8.RuneCountInString(text) > maxText {
		text = string([]rune(text)[:maxText]) + "…"
	}
	return text
}

// secrets are the texts that must never be shown.
func (c *Client) secrets() []string {
	var all []string
	password := c.cfg.Password.Reveal()
	for _, text := range []string{password, pasted(password), c.cfg.APIKey.Reveal(), c.tokens.text()} {
		if len(text) >= 4 { // a shorter one would take every text apart
			all = append(all, text)
		}
	}
	return all
}

// retryAfter is how long the answer asks to wait, 0 where it does not: seconds, or a date by the vendor's clock.
func (c *Client) retryAfter(resp *http.Response) time.Duration {
	value := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, longestWait)
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(until.Sub(now), 0), longestWait)
}
