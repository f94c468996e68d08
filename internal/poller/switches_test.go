package poller_test

import (
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// refusing are the values under which the vendor gives nothing; the client's own tests cover them.
var refusing = map[string]bool{"token.challenge=on": true, "auth.no_licence=403A": true, "auth.no_licence=403B": true, "auth.no_licence=403": true}

// TestEveryRowOnceWhateverTheVendorDoes takes every value of every switch: what the vendor's document leaves open.
func TestEveryRowOnceWhateverTheVendorDoes(t *testing.T) {
	for _, key := range saveristest.Keys() {
		for _, value := range key.Values {
			if name := key.Name + "=" + value; value != key.Default && !refusing[name] {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					survive(t, key.Name, value)
				})
			}
		}
	}
}

func survive(t *testing.T, key, value string) {
	config := saveristest.Config{World: saveristest.World{Cycle: time.Minute, AlarmEvery: 10 * time.Minute}}
	if err := config.Set(key, value); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, config)
	b.start = dayEnd.Add(-90 * time.Minute)
	client := b.client(func(c *saveris.Config) {
		if key == "auth.accept" && value == "key" {
			c.Username, c.Password, c.APIKey = "", secret.Text{}, secret.New("demo-key")
		}
	})
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		b.awaitCovered(schema.Alarms, dayEnd)
	}, b.live(b.js, schema.Readings, client), b.live(b.js, schema.Alarms, client))
	if b.audit(schema.Readings, dayEnd).Stored == 0 || b.audit(schema.Alarms, dayEnd).Stored == 0 {
		t.Error("nothing was stored")
	}
}
