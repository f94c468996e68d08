package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

func TestWhatAServerOfAnothersDoesNotStoreIsExplained(t *testing.T) {
	answer := func(code jetstream.ErrorCode) error {
		return fmt.Errorf("commit: %w", &jetstream.APIError{Code: 400, ErrorCode: code})
	}
	for name, c := range map[string]struct {
		err  error
		hint string
	}{
		"no answer":            {fmt.Errorf("commit: %w", publish.ErrUnanswered), "disk of the NATS server"},
		"and no connection":    {fmt.Errorf("%w: commit: %w", publish.ErrDisconnected, publish.ErrUnanswered), ""},
		"it cannot stage":      {answer(10176), "disk of the NATS server"},
		"no storage":           {answer(10023), "max_file_store"},
		"none for the account": {answer(10002), "max_file_store"},
		"batches of two":       {answer(10199), "max_msgs"},
		"others' batches":      {answer(10210), "max_inflight_per_stream"},
		"others' consumers":    {answer(10026), "max_consumers"},
		"another writer":       {answer(10071), ""},
		"anything else":        {errors.New("x"), ""},
	} {
		advice := PollHint(c.err)
		if !strings.Contains(advice, c.hint) || (advice == "") != (c.hint == "") || advice != "" && natsconn.Hint(c.err) != advice {
			t.Errorf("%s: %q", name, advice)
		}
	}
}

func TestTheRemedyStandsBesideTheCause(t *testing.T) {
	broker := publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
	edited := broker.Stream(schema.Readings)
	edited.AllowAtomicPublish = false
	err := fmt.Errorf("commit: %w", broker.CheckStream(schema.Readings, edited))
	if advice := PollHint(err); advice != "what it holds stays as it is: nats stream edit SAVERIS_READINGS --force --allow-batch" {
		t.Errorf("got %q", advice)
	}
	if advice := PollHint(errors.New("something else")); advice != "" {
		t.Errorf("got %q", advice)
	}
	for _, advice := range []string{BucketHint(publish.ErrBucketSettings, "saveris-checkpoints"), PollHint(jetstream.ErrStreamNotFound), PollHint(err)} {
		if strings.Contains(advice, "delete") || strings.Contains(advice, "kv del") || strings.Contains(advice, "stream rm") {
			t.Errorf("a hint to remove what may be somebody else's: %s", advice)
		}
	}
}
