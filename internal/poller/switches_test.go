package poller_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// refusing are the values under which the vendor gives nothing; the client's own tests cover them.
var refusing = map[string]bool{"token.challenge=on": true, "auth.no_licence=403A": true, "auth.no_licence=403B": true, "auth.no_licence=403": true,
	"retired=measurements": true, "retired=alarms": true, "retired=all": true}

// unreadable are the values under which nobody can read what the vendor sends.
var unreadable = map[string]bool{
	"completed.links=keys": true,
	"file.form=utf-16":     true, "file.form=zip": true, "file.form=zstd": true, "file.form=parquet": true, "file.form=textfile": true, "file.form=html": true, "file.form=message": true,
}

// TestEveryRowOnceWhateverTheVendorDoes takes every value of every switch: what the vendor's document leaves open.
func TestEveryRowOnceWhateverTheVendorDoes(t *testing.T) {
	for _, key := range saveristest.Keys() {
		for _, value := range key.Values {
			if name := key.Name + "=" + value; value != key.Default && !refusing[name] {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					if unreadable[name] {
						notCovered(t, key.Name, value)
						return
					}
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
		if strings.HasPrefix(key, "csv.") {
			c.Format = saveris.CSV
		}
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

// notCovered: what cannot be read is never covered, however often it is tried, and no row of it is stored.
func notCovered(t *testing.T, key, value string) {
	config := saveristest.Config{World: saveristest.World{Cycle: time.Minute, AlarmEvery: 10 * time.Minute}}
	if err := config.Set(key, value); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, config)
	b.start = dayEnd.Add(-90 * time.Minute)
	bridge := b.live(b.js, schema.Readings, b.client(nil))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- bridge.Run(ctx) }()
	b.await("a window of the tail and a gap that are tried again", func(context.Context) bool { return b.submits() >= 4 })
	covered, err := bridge.Writer.Covered(ctx, checkpoint.Span{From: b.start, Until: dayEnd.Add(time.Hour)})
	stop()
	<-ended
	if err != nil || len(covered) > 0 {
		t.Errorf("covered %v, %v", covered, err)
	}
	if stored := b.judge(schema.Readings, audit.Due{From: b.start, Until: b.start, AsOf: dayEnd}).Stored; stored > 0 {
		t.Errorf("%d rows were stored", stored)
	}
}
