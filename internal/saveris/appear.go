package saveris

import (
	"context"
	"errors"
	"fmt"
	"time"

	"saveris-bridge/internal/sleep"
)

// A completed export's file may not be there yet: the store shows it a moment later. These are times of Config.RetryWait.
const (
	appearing     = 120 // how long it is waited for, a minute
	longestAppear = 20  // between two looks, ten seconds
)

// absence waits for files that are not there yet.
type absence struct {
	client *Client
	onWait func() // called before each wait
	waits  interface{ NextBackOff() time.Duration }
	left   time.Duration
	waited time.Duration
}

func (c *Client) absence(onWait func()) *absence {
	p := &absence{client: c, onWait: onWait}
	p.renew()
	return p
}

// renew lets it wait once more, for what fresh links lead to.
func (p *absence) renew() {
	first := p.client.cfg.RetryWait
	p.waits, p.left = growing(first, longestAppear*first), appearing*first
}

// read tries until no file is missing that may still come. Its error says how long that was waited for.
func (p *absence) read(ctx context.Context, try func() error) error {
	for {
		err := try()
		var e *Error
		if !errors.Is(err, errAbsent) || !errors.As(err, &e) {
			return err
		}
		if p.left <= 0 {
			e.Text += fmt.Sprintf("; waited %v for it", p.waited.Round(time.Millisecond))
			return err
		}
		p.onWait()
		wait := min(p.waits.NextBackOff(), p.left)
		p.left, p.waited = p.left-wait, p.waited+wait
		if err := sleep.For(ctx, wait); err != nil {
			return err
		}
	}
}
