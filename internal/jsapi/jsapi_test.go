package jsapi

import (
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
