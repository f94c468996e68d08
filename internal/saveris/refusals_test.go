package saveris

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestARefusalIsBelievedAtOnceOrTheThirdTimeWhereItHasWorked(t *testing.T) {
	t.Parallel()
	refused := fmt.Errorf("read: %w", ErrForbidden)
	for name, c := range map[string]struct {
		worked bool
		tries  []error
		want   int // the try at which a refusal is believed first, from 1; 0 = none
	}{
		"it never worked":            {false, []error{io.ErrUnexpectedEOF, refused}, 2},
		"it worked":                  {true, []error{refused, refused, refused}, 3},
		"another way each time":      {true, []error{ErrRefused, ErrRetired, ErrForbidden}, 3},
		"it works since":             {false, []error{nil, refused, refused, refused}, 4},
		"it works in between":        {true, []error{refused, refused, nil, refused, refused}, 0},
		"other failures in between":  {true, []error{refused, io.ErrUnexpectedEOF, refused, errors.New("502"), refused}, 5},
		"nothing that is no refusal": {false, []error{io.ErrUnexpectedEOF, ErrTooLarge, ErrAddress}, 0},
	} {
		r, got := Refusals{Worked: c.worked}, 0
		for i, err := range c.tries {
			if r.Confirm(err) && got == 0 {
				got = i + 1
			}
		}
		if got != c.want {
			t.Errorf("%s: believed at try %d, want %d", name, got, c.want)
		}
	}
}

func TestWhatIsRefusedIsLeftAloneForAWhile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err     error
		licence time.Duration
		wait    time.Duration
		refused bool
	}{
		{fmt.Errorf("read: %w", ErrForbidden), 0, time.Hour, true},
		{ErrForbidden, time.Minute, time.Minute, true},
		{fmt.Errorf("read: %w", ErrRetired), 0, 10 * time.Minute, true},
		{ErrRetired, time.Minute, time.Minute, true},
		{ErrRefused, 0, 0, false}, // the login
		{io.ErrUnexpectedEOF, 0, 0, false},
		{nil, 0, 0, false},
	} {
		if wait, refused := RefusalWait(c.err, c.licence); wait != c.wait || refused != c.refused {
			t.Errorf("%v, licence %v: %v, %v", c.err, c.licence, wait, refused)
		}
	}
}
