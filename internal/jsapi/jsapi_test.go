package jsapi

import (
	"fmt"
	"io"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func TestTheAPIIsAskedInItsDomainAndUnderItsPrefix(t *testing.T) {
	for want, options := range map[string]jetstream.JetStreamOptions{
		"$JS.API.STREAM.NAMES":     {},
		"$JS.hub.API.STREAM.NAMES": {Domain: "hub"},
		"their.api.STREAM.NAMES":   {APIPrefix: "their.api"},
		"other.api.STREAM.NAMES":   {APIPrefix: "other.api."},
	} {
		if got := Subject(options, "STREAM.NAMES"); got != want {
			t.Errorf("%+v: %s, want %s", options, got, want)
		}
	}
}

func TestAnotherLastMessageIsAConflict(t *testing.T) {
	for code, want := range map[jetstream.ErrorCode]bool{10071: true, 10164: true, CodeBatchTooLarge: false, 0: false} {
		if err := fmt.Errorf("write: %w", &jetstream.APIError{ErrorCode: code}); Conflict(err) != want {
			t.Errorf("code %d: %v", code, !want)
		}
	}
	if Conflict(nil) || Conflict(io.ErrUnexpectedEOF) {
		t.Error("what the server has not answered is one")
	}
}
