package saveris

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What an error means for whoever asked; decide with errors.Is.
var (
	// ErrRefused: the vendor refuses the login or the licence for good. Asking again does not help.
	ErrRefused = errors.New("the vendor refuses the login or the licence")
	// ErrTooLarge: this window cannot be had in one piece; ask for smaller ones.
	ErrTooLarge = errors.New("the window is too large")
	// ErrAddress: what answers at the base URL is not this API, or not a version of it that we know.
	ErrAddress = errors.New("the address is not the Saveris Data API")
)

// Error is every failure that the vendor or the network caused: one type for all error bodies of the vendor's
// document, section 13. Its text never holds a secret.
type Error struct {
	Op     string        // what was done: log in, submit measurements, …
	Status int           // HTTP status, 0 where there was no answer
	Kind   string        // the gateway's or S3's word for it: WAF_FILTERED, ExpiredToken, …; may be empty
	Text   string        // the vendor's text, shortened, without control characters
	Wait   time.Duration // how long the vendor asked us to wait, 0 where he did not
	Err    error         // ErrRefused, ErrTooLarge, ErrAddress, or the cause; may be nil
}

// Error gives one line.
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

// Unwrap gives what the error means, or its cause.
func (e *Error) Unwrap() error { return e.Err }
