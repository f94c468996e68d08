// Package hint is how an error carries what a person can do about it, and the exit code of a process that ends with it.
// An error gets its advice where it is made: a room knows best what helps. Whoever prints the error finds it with Of.
package hint

import "errors"

// The exit codes of the contract.
const (
	Done     = 0 // done, or stopped by a signal
	Failed   = 1 // failed while running
	Settings = 2 // wrong usage or settings
	Vendor   = 3 // the vendor refuses the login or the licence
	NATS     = 4 // NATS cannot be used
)

// Error is an error with advice.
type Error struct {
	Err  error
	Code int    // exit code; 0 where the error alone does not decide it
	Hint string // what to do; empty where nothing better is known than the error itself
}

// Error returns the text of Err: the hint is printed beside it.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Advice returns Code and Hint.
func (e *Error) Advice() (code int, text string) { return e.Code, e.Hint }

// Advised is an error with advice: an Error, or an error type whose fields say what helps.
type Advised interface {
	error
	Advice() (code int, text string)
}

// Of returns the exit code and the hint of the outermost advised error in the chain of err: whoever wraps an advised error with
// other advice knows better. Both are zero where there is none.
func Of(err error) (code int, text string) {
	var advised Advised
	if errors.As(err, &advised) {
		return advised.Advice()
	}
	return 0, ""
}

// Else returns err with this advice, unless it has advice already. A nil err stays nil.
func Else(err error, code int, text string) error {
	var advised Advised
	if err == nil || errors.As(err, &advised) {
		return err
	}
	return &Error{Err: err, Code: code, Hint: text}
}
