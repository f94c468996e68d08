package natsd_test

import (
	"fmt"
	"strings"
	"testing"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsd"
)

func TestAStartOnAFullDiskFailsWithAHint(t *testing.T) {
	code, advice := hint.Of(fmt.Errorf("%w: JetStream could not be started", &natsd.FullError{Dir: "/data"}))
	if code != hint.NATS || !strings.Contains(advice, "BRIDGE_DATA_DIR") {
		t.Errorf("exit code %d, hint %q", code, advice)
	}
}
