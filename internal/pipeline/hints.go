package pipeline

import (
	"cmp"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/publish"
)

// PollHint returns what to do about an error that keeps a feed from being stored, where a person has to do something; else nothing.
func PollHint(err error) string { return cmp.Or(feedHint(err), storingHint(err)) }

func feedHint(err error) string {
	switch {
	case errors.Is(err, publish.ErrUnfit), errors.Is(err, nats.ErrPermissionViolation):
		return natsconn.Hint(err)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return "the bridge makes the stream again by itself, and reads again what it held; find out who removed it"
	}
	return ""
}

// BucketHint returns what to do where a bucket that the bridge can do without is not as it should be, or cannot be had.
func BucketHint(err error, name string) string {
	if errors.Is(err, publish.ErrBucketSettings) {
		return "all else goes on; once whoever manages " + name + " has taken it away, the bridge makes its own"
	}
	return natsconn.Hint(err)
}

// storingHint returns what to do where a NATS server of another's does not store what it is sent; empty where that is not so.
func storingHint(err error) string {
	switch {
	case errors.Is(err, publish.ErrDisconnected): // it comes back by itself
		return ""
	case errors.Is(err, publish.ErrUnanswered):
		return jsapi.DiskHint
	}
	return jsapi.Hint(err)
}
