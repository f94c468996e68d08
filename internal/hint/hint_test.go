package hint_test

import (
	"errors"
	"fmt"
	"testing"

	"saveris-bridge/internal/hint"
)

// own is an error type that knows what helps.
type own struct{}

func (own) Error() string         { return "own" }
func (own) Advice() (int, string) { return hint.Vendor, "of its own" }

func TestTheOutermostAdviceCounts(t *testing.T) {
	plain := errors.New("broken")
	inner := &hint.Error{Err: plain, Code: hint.NATS, Hint: "inner"}
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{nil, 0, ""},
		{plain, 0, ""},
		{inner, hint.NATS, "inner"},
		{fmt.Errorf("open: %w", inner), hint.NATS, "inner"},
		{fmt.Errorf("%w: %w", plain, inner), hint.NATS, "inner"},
		{&hint.Error{Err: inner, Code: hint.Settings, Hint: "outer"}, hint.Settings, "outer"},
		{fmt.Errorf("log in: %w", own{}), hint.Vendor, "of its own"},
		{hint.Else(plain, hint.Failed, "else"), hint.Failed, "else"},
		{hint.Else(fmt.Errorf("open: %w", inner), hint.Failed, "else"), hint.NATS, "inner"},
		{hint.Else(nil, hint.Failed, "else"), 0, ""},
	} {
		if code, text := hint.Of(c.err); code != c.code || text != c.text {
			t.Errorf("%v: got %d %q, want %d %q", c.err, code, text, c.code, c.text)
		}
	}
}

func TestAdviceChangesNeitherTextNorKind(t *testing.T) {
	plain := errors.New("broken")
	err := hint.Else(fmt.Errorf("open: %w", plain), hint.Failed, "try again")
	if err.Error() != "open: broken" || !errors.Is(err, plain) {
		t.Errorf("got %v", err)
	}
	if err := hint.Else(nil, hint.Failed, "x"); err != nil {
		t.Errorf("got %v of nil", err)
	}
}
