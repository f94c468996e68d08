package sleep

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestItSleepsUntilTheTimeIsOverOrTheContextEnds(t *testing.T) {
	for _, c := range []struct {
		d, end, want time.Duration
		err          error
	}{
		{d: time.Minute, end: time.Hour, want: time.Minute},
		{d: time.Hour, end: time.Minute, want: time.Minute, err: context.DeadlineExceeded},
		{d: 0, end: time.Minute},
		{d: -time.Hour, end: time.Minute},
		{d: time.Hour, end: 0, err: context.DeadlineExceeded},
		{d: 0, end: 0, err: context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.end)
			defer cancel()
			began := time.Now() // the bubble's clock
			if err := For(ctx, c.d); err != c.err || time.Since(began) != c.want {
				t.Errorf("%v within %v: %v after %v", c.d, c.end, err, time.Since(began))
			}
		})
	}
}
