package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
)

func TestAStartOnAFullDiskFailsWithAHint(t *testing.T) {
	code, advice := verdict(fmt.Errorf("%w: JetStream could not be started", &natsd.FullError{Dir: "/data"}))
	if code != hint.NATS || !strings.Contains(advice, "BRIDGE_DATA_DIR") {
		t.Errorf("exit code %d, hint %q", code, advice)
	}
}

func TestWhatAServerOfAnothersDoesNotStoreIsExplained(t *testing.T) {
	answer := func(code jetstream.ErrorCode) error {
		return fmt.Errorf("commit: %w", &jetstream.APIError{Code: 400, ErrorCode: code})
	}
	for name, c := range map[string]struct {
		err  error
		hint string
	}{
		"no answer":            {fmt.Errorf("commit: %w", publish.ErrUnanswered), "disk of the NATS server"},
		"it cannot stage":      {answer(10176), "disk of the NATS server"},
		"no storage":           {answer(10023), "max_file_store"},
		"none for the account": {answer(10002), "max_file_store"},
		"batches of two":       {answer(10199), "max_msgs"},
		"others' batches":      {answer(10210), "max_inflight_per_stream"},
		"others' consumers":    {answer(10026), "max_consumers"},
		"another writer":       {answer(10071), ""},
		"anything else":        {errors.New("x"), ""},
	} {
		advice := pipeline.StoringHint(c.err)
		if !strings.Contains(advice, c.hint) || (advice == "") != (c.hint == "") || advice != "" && natsconn.Hint(c.err) != advice {
			t.Errorf("%s: %q", name, advice)
		}
	}
}
