package publish

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/lease"
)

// ErrBucketSettings says that a bucket is there but not as the bridge makes it, which it gets along with.
var ErrBucketSettings = errors.New("foreign settings")

// CheckRequests returns how the settings of the stream of an existing bucket of running exports differ from those that OpenRequests
// would create it with: an ErrBucketSettings.
func CheckRequests(have jetstream.StreamConfig) error {
	var wrong []string
	if have.MaxAge != requestLife {
		wrong = append(wrong, fmt.Sprintf("ttl is %v, expected %v", have.MaxAge, requestLife))
	}
	if have.Mirror != nil || len(have.Sources) > 0 || have.Sealed {
		wrong = append(wrong, "it is sealed, a mirror, or has sources")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrBucketSettings, strings.Join(wrong, "; "))
	}
	return nil
}

// CheckLeases returns how the life of a lease in the stream of an existing bucket differs from what NewLeases would have created: an ErrBucketSettings.
func CheckLeases(have jetstream.StreamConfig) error {
	if err := lease.CheckLife(have.MaxAge); err != nil {
		return fmt.Errorf("%w: %w", ErrBucketSettings, err)
	}
	return nil
}
