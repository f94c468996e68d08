package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/schema"
)

// codeOverlap is what the server answers where another stream has one of the subjects.
const codeOverlap = 10065

// Overlap is another stream that has one of a feed's subjects, so that the feed's own stream cannot be created. It is
// an ErrUnusable.
type Overlap struct {
	Streams []string // the others; empty where the account may not list them
	Stream  string   // the feed's own
	Err     error    // of the server, nil where nothing was tried
}

// Error names the other streams.
func (e *Overlap) Error() string {
	others := "another stream (the account may not ask which)"
	if len(e.Streams) > 0 {
		others = "stream " + strings.Join(e.Streams, ", ")
	}
	return fmt.Sprintf("%v: %s has subjects of stream %s already", ErrUnusable, others, e.Stream)
}

// Advice returns the exit code and what to do.
func (e *Overlap) Advice() (code int, text string) {
	return hint.NATS, "take the subjects away from that stream, or choose another BRIDGE_PREFIX"
}

// Unwrap returns ErrUnusable and the server's error.
func (e *Overlap) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrUnusable}
	}
	return []error{ErrUnusable, e.Err}
}

// FindOverlap asks the server for other streams with subjects of a feed's stream, whether that exists or not. It gives
// nil where there are none, and needs the right to ask $JS.API.STREAM.NAMES. Nothing is changed.
func (c Config) FindOverlap(ctx context.Context, js jetstream.JetStream, feed schema.Feed) (*Overlap, error) {
	found := &Overlap{Stream: c.Names.Stream(feed)}
	for _, subject := range c.Names.Subjects(feed) {
		names, err := jsapi.StreamNames(ctx, jsapi.Caller{JS: js}, subject)
		if err != nil {
			return nil, fmt.Errorf("list streams: %w", err)
		}
		for _, name := range names {
			if name != found.Stream && !slices.Contains(found.Streams, name) {
				found.Streams = append(found.Streams, name)
			}
		}
	}
	if len(found.Streams) == 0 {
		return nil, nil
	}
	return found, nil
}

// Explain makes an Overlap of an error of Open that is one, and gives every other error as it is.
func (c Config) Explain(ctx context.Context, js jetstream.JetStream, err error) error {
	if !jsapi.HasCode(err, codeOverlap) {
		return err
	}
	for _, feed := range Feeds {
		found, askErr := c.FindOverlap(ctx, js, feed)
		if askErr != nil {
			return &Overlap{Stream: c.Names.Stream(feed), Err: err}
		}
		if found != nil {
			found.Err = err
			return found
		}
	}
	return err
}

// ErrForeign says that a bucket is there but not as the bridge makes it, which it gets along with.
var ErrForeign = errors.New("foreign settings")

// CheckRequests returns how the settings of the stream of an existing bucket of running exports differ from those that OpenRequests
// would create it with: an ErrForeign.
func CheckRequests(have jetstream.StreamConfig) error {
	var wrong []string
	if have.MaxAge != requestLife {
		wrong = append(wrong, fmt.Sprintf("ttl is %v, expected %v", have.MaxAge, requestLife))
	}
	if have.Mirror != nil || len(have.Sources) > 0 || have.Sealed {
		wrong = append(wrong, "it is sealed, a mirror, or has sources")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrForeign, strings.Join(wrong, "; "))
	}
	return nil
}

// CheckLeases returns how the life of a lease in the stream of an existing bucket differs from what NewLeases would have created: an ErrForeign.
func CheckLeases(have jetstream.StreamConfig) error {
	if err := lease.CheckLife(have.MaxAge); err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return nil
}
