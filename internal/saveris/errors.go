package saveris

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What an error means for whoever asked; decide with errors.Is.
var (
	// ErrRefused: the vendor refuses the login or the licence for good. Asking again does not help.
	ErrRefused = errors.New("the vendor refuses the login or the licence")
	// ErrForbidden: the login works, but the vendor refuses what was asked for with it: the licence or a permission is missing.
	// It is an ErrRefused of one feed.
	ErrForbidden error = forbidden{}
	// ErrRetired: the vendor does not have the endpoint any more, in no version that this client knows.
	ErrRetired = errors.New("the vendor has retired this endpoint or does not offer it here, a newer bridge may be needed")
	// ErrTooLarge: this window cannot be had in one piece; ask for smaller ones.
	ErrTooLarge = errors.New("the window is too large")
	// ErrNotReady: the vendor is still preparing the export. Ask for the same window again, which goes on waiting for it.
	ErrNotReady = errors.New("the vendor's export is not ready")
	// ErrAddress: what answers at the base URL is not this API, or not a version of it that we know.
	ErrAddress = errors.New("the address is not the Saveris Data API")
	// ErrUntrusted: whoever answered has no certificate that this machine trusts. Nothing was sent to him.
	ErrUntrusted = errors.New("the certificate is not to be trusted")
	// ErrNotUnderstood: the vendor's answer or file is in a shape that this client cannot read, so nothing of the window
	// counts as read. Asking again helps only once he sends something else.
	ErrNotUnderstood = errors.New("what the vendor sends is not understood")
)

var (
	errLost      = errors.New("the export is not ready after all the time it was granted")
	errForgotten = errors.New("the vendor does not know the export any more")
	errLink      = errors.New("the link does not lead to a file over https")
	errExpired   = errors.New("the link is dead")
	errAbsent    = errors.New("the file has not appeared") // errExpired too: fresh links may lead to it
	errNoAnswer  = errors.New("no answer in time")
	errStalled   = errors.New("the answer has stalled")
)

// forbidden is the type of ErrForbidden.
type forbidden struct{}

func (forbidden) Error() string {
	return "the vendor refuses this data to the login, for want of a licence or a permission"
}
func (forbidden) Unwrap() error { return ErrRefused }

// Error is every failure that the vendor or the network caused: one type for all error bodies of the vendor's
// document, section 13. Its text never holds a secret.
type Error struct {
	Op     string        // what was done: log in, submit measurements, …
	Status int           // HTTP status, 0 where there was no answer
	Kind   string        // the gateway's or S3's word for it: WAF_FILTERED, ExpiredToken, …; may be empty
	Text   string        // the vendor's or the network's text, shortened, without control characters
	Wait   time.Duration // how long the vendor asked us to wait, 0 where he did not
	Err    error         // what it means: one of the errors above, or another reason; may be nil

	word  string // the status word of the body
	cause error  // of Text, where it is one of ours
}

// Error returns one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Kind != "" {
		b.WriteString(" " + e.Kind)
	}
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	}
	return b.String()
}

// Unwrap returns what the error means, and its cause.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Err, e.cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// broken makes an error of a failure that is no answer of the vendor. Foreign causes do not show through it: a network's
// time-out claims to be the context's, and a closed connection is io.EOF, which means something to others.
func (c *Client) broken(op string, err error) *Error {
	e := &Error{Op: op, Text: c.sanitize(err.Error())}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		e.Text = "what came is cut, it ends too early"
	}
	if e.cause = wayThere(err); e.cause != nil {
		e.Text = c.sanitize(e.cause.Error())
	}
	for _, cause := range []error{errNoAnswer, errStalled, errNoList, errTrailing, errEnvelope, errHuge, errLong, io.ErrUnexpectedEOF} {
		if errors.Is(err, cause) {
			e.cause = cause
		}
	}
	var untrusted *tls.CertificateVerificationError
	var foreign *foreignError
	switch {
	case errors.As(err, &untrusted):
		e.Err = ErrUntrusted
	case errors.Is(err, errPlace):
		e.Err = errLink
	case errors.As(err, &foreign), e.cause == errNoList, e.cause == errTrailing, e.cause == errEnvelope:
		e.Err = ErrNotUnderstood
	}
	return e
}

// readError is the failure of reading an answer's or a file's rows.
func (c *Client) readError(ctx context.Context, op string, err error) error {
	var mine callerError
	switch {
	case errors.As(err, &mine):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return c.broken(op, err)
	}
}

// noSuchPath: the gateway answers an unknown path or method so, hardly ever with 404 or 405 (document, 13.3). A bearer
// token it takes for a signature of its own, which then has no form (reported of other APIs on the same gateway). None of
// this is about the login, which it has not looked at.
func (e *Error) noSuchPath() bool {
	switch e.Status {
	case http.StatusGone, http.StatusMethodNotAllowed:
		return true
	case http.StatusNotFound:
		return e.Kind == "RESOURCE_NOT_FOUND" || e.Kind == "NotFoundException"
	case http.StatusForbidden:
		return slices.Contains(notSigned, e.Kind) || slices.ContainsFunc(notSignedTexts, func(text string) bool { return strings.Contains(e.Text, text) })
	}
	return false
}

// How the gateway says that a request is not signed as its own API would want it: its response types, the same as
// exceptions in X-Amzn-ErrorType, and the texts where neither is there.
var (
	notSigned = []string{
		"MISSING_AUTHENTICATION_TOKEN", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "INVALID_SIGNATURE",
		"IncompleteSignature", "IncompleteSignatureException", "InvalidSignatureException",
	}
	notSignedTexts = []string{
		"Missing Authentication Token", "(missing equal-sign) in Authorization header", "not a valid key=value pair",
		"Authorization header requires 'Credential' parameter", "Authorization header requires 'Signature' parameter",
	}
)

// refusal: a bad or expired token shows as 401 or 403 (document, 3.3), a missing licence as 403. The firewall's 403 is
// about the request, not about the login.
func (e *Error) refusal() bool {
	return e.Status == http.StatusUnauthorized ||
		e.Status == http.StatusForbidden && e.Kind != "WAF_FILTERED" && !e.noSuchPath()
}

// transient: what may be gone at the next try.
func (e *Error) transient() bool {
	return e.Status == 0 && e.Err != ErrUntrusted || e.Status >= 500 || e.Status == http.StatusRequestTimeout || e.Kind == "WAF_FILTERED"
}

// ofTheMoment: what speaks of this window or this moment, and not of the path.
func (e *Error) ofTheMoment() bool {
	switch e.Status {
	case 0, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return true
	}
	return e.Status < 300 || e.Kind == "WAF_FILTERED"
}

// cognitoThrottles: Cognito says with 400 what others say with 429 (document, 3.1), which only its text shows.
func (e *Error) cognitoThrottles() bool {
	text := strings.ToLower(e.Text)
	return e.Status == http.StatusBadRequest && (strings.Contains(text, "too many requests") ||
		strings.Contains(text, "rate exceeded") || strings.Contains(text, "attempts exceeded") ||
		strings.Contains(text, "attempt limit exceeded"))
}

// ofAPI reports whether the body had the shape of the API's errors, and not that of a proxy on the way.
func (e *Error) ofAPI() bool { return e.Kind != "" || e.word != "" }
