package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

func TestClocksThatDifferAreSaidOnce(t *testing.T) {
	var log bytes.Buffer
	v := newVendorNotes(config.Settings{}, slog.New(slog.NewTextHandler(&log, nil)))
	for _, c := range []struct {
		ahead time.Duration
		warns int
		note  string
	}{
		{30 * time.Second, 0, ""},
		{-2 * time.Hour, 1, "the clock of the bridge's machine is 2h0m0s behind the vendor's"},
		{-2 * time.Hour, 1, "the clock of the bridge's machine is 2h0m0s behind the vendor's"},
		{-20 * time.Second, 1, "the clock of the bridge's machine is 2h0m0s behind the vendor's"}, // or it would come and go
		{time.Second, 1, ""},
		{31 * time.Second, 2, "the clock of the bridge's machine is 31s ahead of the vendor's"},
	} {
		v.clockDiffers(c.ahead)
		if warns := strings.Count(log.String(), "level=WARN"); warns != c.warns || v.text(skewKey) != c.note {
			t.Errorf("%v: %d warnings, %q; want %d, %q", c.ahead, warns, v.text(skewKey), c.warns, c.note)
		}
	}
}

func TestTheDifferenceOfClocksIsTheVendors(t *testing.T) {
	s := vendor(t, func(c *saveristest.Config) { c.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } })
	client, err := saveris.New(saveris.Config{BaseURL: s.URL(), Username: "ada", Password: secret.New("hunter2")})
	if err != nil {
		t.Fatal(err)
	}
	if _, known := clockAhead(client); known {
		t.Error("it is known before he has answered")
	}
	if err := client.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ahead, known := clockAhead(client); !known || ahead < -2*time.Hour || ahead > -2*time.Hour+2*time.Second {
		t.Errorf("%v ahead, known: %v", ahead, known)
	}
}
