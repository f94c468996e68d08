package config

import (
	"slices"
	"testing"
)

func TestASlipOfThePenInANameIsTold(t *testing.T) {
	got := UnknownVariables([]string{
		"SAVERIS_USER=x", "BRIDGE_POL_INTERVAL=1m", "SAVERIS_PASSWORD_FILE=f", "SAVERIS_USERNAME_FILE=f", "BRIDGE_PREFIX=p",
		"BRIDGE_SERVICE_HOST=10.0.0.1", "SAVERIS_BRIDGE_PORT_8080_TCP=tcp", "BRIDGE_PORT=tcp://", "NATS_TIMEOUT=1", "PATH=/",
	})
	if want := []string{"BRIDGE_POL_INTERVAL", "SAVERIS_USER", "SAVERIS_USERNAME_FILE"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
