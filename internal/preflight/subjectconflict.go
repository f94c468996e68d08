package preflight

import (
	"context"
	"fmt"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"slices"
	"strings"
)

// codeSubjectConflict is what the server answers where another stream has one of the subjects.
const codeSubjectConflict = 10065

// SubjectConflict is another stream that has one of a feed's subjects, so that the feed's own stream cannot be created. It is
// a publish.ErrUnfit.
type SubjectConflict struct {
	Streams []string // the others; empty where the account may not list them
	Stream  string   // the feed's own
	Err     error    // of the server, nil where nothing was tried
}

// Error names the other streams.
func (e *SubjectConflict) Error() string {
	others := "another stream (the account may not ask which)"
	if len(e.Streams) > 0 {
		others = "stream " + strings.Join(e.Streams, ", ")
	}
	return fmt.Sprintf("%v: %s has subjects of stream %s already", publish.ErrUnfit, others, e.Stream)
}

// Advice returns the exit code and what to do.
func (e *SubjectConflict) Advice() (code int, text string) {
	return hint.NATS, "take the subjects away from that stream, or choose another BRIDGE_PREFIX"
}

// Unwrap returns publish.ErrUnfit and the server's error.
func (e *SubjectConflict) Unwrap() []error {
	if e.Err == nil {
		return []error{publish.ErrUnfit}
	}
	return []error{publish.ErrUnfit, e.Err}
}

// findConflict asks the server for other streams with subjects of a feed's stream, whether that exists or not. It returns
// nil where there are none, and needs the right to ask $JS.API.STREAM.NAMES. Nothing is changed.
func (t *target) findConflict(ctx context.Context, feed schema.Feed) (*SubjectConflict, error) {
	found := &SubjectConflict{Stream: t.broker.Names.Stream(feed)}
	for _, subject := range t.broker.Names.Subjects(feed) {
		names, err := jsapi.StreamNames(ctx, jsapi.Caller{JS: t.js}, subject)
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

// nameConflict names the streams that stand in the way of ours where that is the error of a start; other errors stay as they are.
func (t *target) nameConflict(ctx context.Context, err error) error {
	if !jsapi.HasCode(err, codeSubjectConflict) || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
	defer cancel()
	for _, feed := range publish.StreamFeeds {
		found, askErr := t.findConflict(ctx, feed)
		if askErr != nil {
			return &SubjectConflict{Stream: t.broker.Names.Stream(feed), Err: err}
		}
		if found != nil {
			found.Err = err
			return found
		}
	}
	return err
}
