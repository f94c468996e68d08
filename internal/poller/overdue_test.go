package poller

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestALateExportIsLoggedAtGrowingDistance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		line := &Line{Log: slog.New(slog.NewTextHandler(&log, nil))}
		asked := time.Now()
		for _, minute := range []struct{ at, said int }{{0, 0}, {1, 1}, {2, 2}, {3, 2}, {4, 3}, {7, 3}, {8, 4}, {15, 4}, {16, 5}} {
			time.Sleep(time.Until(asked.Add(time.Duration(minute.at) * time.Minute)))
			line.exportNotReady(t.Context(), Window{}, asked)
			if n := strings.Count(log.String(), "waiting for the vendor's export"); n != minute.said {
				t.Errorf("said %d times after %d minutes, want %d", n, minute.at, minute.said)
			}
		}
		if !strings.Contains(log.String(), "since=2000-01-01T00:00:00.000Z") {
			t.Errorf("the log does not say since when:\n%s", log.String())
		}
		line.exportNotReady(t.Context(), Window{}, time.Now())
		if n := strings.Count(log.String(), "waiting for"); n != 5 {
			t.Errorf("an export that has just been asked for is said to be late")
		}
	})
}
