package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestBeforeTheFirstRunNothingIsWrongWithNATS(t *testing.T) {
	broker := natsServer(t, &server.Options{JetStream: true})
	v := vendor(t, nil)
	const (
		noStream = `error: nothing has been stored yet under BRIDGE_PREFIX "saveris": stream SAVERIS_READINGS does not exist`
		start    = "hint: start bridge run, or wait for its first poll; or set BRIDGE_PREFIX to the one it uses"
		noStore  = "error: nothing has been stored yet here: the store BRIDGE_DATA_DIR=nowhere does not exist"
		where    = "hint: run this where the bridge runs, or set BRIDGE_DATA_DIR or NATS_URL"
	)
	for _, c := range []struct{ set, args, cause, hint string }{
		{"NATS_URL=" + broker.ClientURL(), "status", noStream, start},
		{"NATS_URL=" + broker.ClientURL(), "tail", noStream, start},
		{"NATS_URL=" + broker.ClientURL(), "verify --from 1h", noStream, start},
		{"NATS_URL=" + broker.ClientURL(), "replay --from 1h --to x", noStream, start},
		{"BRIDGE_DATA_DIR=nowhere", "status", noStore, where},
		{"BRIDGE_DATA_DIR=nowhere", "verify --from 1h", noStore, where},
	} {
		got := bridge(t, slices.Concat(runEnv(v), []string{c.set}), strings.Fields(c.args)...)
		if cause, hint := lastLines(t, got.err); got.code != exitNATS || cause != c.cause || hint != c.hint {
			t.Errorf("%s, %s: exit code %d\n%s", c.set, c.args, got.code, got.err)
		}
	}
}
