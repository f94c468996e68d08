package main

import (
	"slices"
	"strings"
	"testing"
)

func TestASlipOfThePenInANameIsTold(t *testing.T) {
	got := strangers([]string{
		"SAVERIS_USER=x", "BRIDGE_POL_INTERVAL=1m", "SAVERIS_PASSWORD_FILE=f", "SAVERIS_USERNAME_FILE=f", "BRIDGE_PREFIX=p",
		"BRIDGE_SERVICE_HOST=10.0.0.1", "SAVERIS_BRIDGE_PORT_8080_TCP=tcp", "BRIDGE_PORT=tcp://", "NATS_TIMEOUT=1", "PATH=/",
	})
	if want := []string{"BRIDGE_POL_INTERVAL", "SAVERIS_USER", "SAVERIS_USERNAME_FILE"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	env := []string{"SAVERIS_URL=" + vendor(t, nil).URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "BRIDGE_POL_INTERVAL=1m", "BRIDGE_NATS_LISTEN=127.0.0.1:0"}
	if out := bridge(t, env, "check").out; !strings.Contains(out, "BRIDGE_POL_INTERVAL is no variable") {
		t.Errorf("bridge check does not tell it:\n%s", out)
	}
	if err := bridge(t, append(env, "BRIDGE_LOG_LEVEL=warn"), "version").err; err != "" {
		t.Errorf("bridge version has an opinion on settings: %s", err)
	}
}
