package poller_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// refusing are the values under which the vendor gives nothing; the client's own tests cover them.
var refusing = map[string]bool{"token.challenge=on": true, "auth.no_licence=403A": true, "auth.no_licence=403B": true, "auth.no_licence=403": true,
	"retired=measurements": true, "retired=alarms": true, "retired=all": true, "redirect.to=other": true, "redirect.to=loop": true, "auth.no_licence_feed=measurements": true, "auth.no_licence_feed=alarms": true}

// unreadable are the values under which nobody can read what the vendor sends.
var unreadable = map[string]bool{
	"completed.links=keys": true,
	"file.form=utf-16":     true, "file.form=zip": true, "file.form=zstd": true, "file.form=parquet": true, "file.form=textfile": true, "file.form=html": true, "file.form=message": true,
}

// elsewhere are the switches whose values a short run of live polling need not meet: the client's own tests do.
var elsewhere = map[string]bool{
	"auth.accept": true, "poll.fresh_urls": true, "empty.result": true, "range.ends": true, "rows.changed_content": true, "file.gzip": true, "retired": true, "date.header": true,
}

// TestEveryRowOnceWhateverTheVendorDoes takes every value of every switch: what the vendor's document leaves open.
func TestEveryRowOnceWhateverTheVendorDoes(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, key := range saveristest.Keys() {
		for _, value := range key.Values {
			if name := key.Name + "=" + value; value != key.Default && !refusing[name] && !saveristest.Unasked(key.Name) {
				if tried++; !variants.Take(tried, 3) {
					continue
				}
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
	provoking, faults := saveristest.Provocation(key)
	b := small(t, append(provoking, key+"="+value)...)
	for _, fault := range faults {
		b.vendor.Inject(fault)
	}
	b.once(key, value)
	if got := b.vendor.Traffic().Shows(key); got != value && !elsewhere[key] {
		t.Errorf("the traffic shows %s=%s, want %s", key, got, value)
	}
}

// small is a bench with a small world that measures every minute, under some settings.
func small(t *testing.T, settings ...string) *bench {
	config := saveristest.Config{World: saveristest.World{Sites: 1, Loggers: 1, Channels: 1, Cycle: time.Minute, AlarmEvery: 5 * time.Minute}, Watch: true}
	if err := config.SetAll(settings...); err != nil {
		t.Fatal(err)
	}
	return newBench(t, config)
}

// once: live polling stores every row of an hour and a half once, under one value more than others.
func (b *bench) once(key, value string) {
	b.start = dayEnd.Add(-90 * time.Minute)
	b.still.Store(key == "throttle") // which counts the requests of a second
	client := b.client(func(c *saveris.Config) {
		c.OnAnswer = func(status int) {
			if status == http.StatusTooManyRequests {
				b.still.Store(false)
			}
		}
		if strings.HasPrefix(key, "csv.") {
			c.Format = saveris.CSV
		}
		if key == "auth.accept" && value == "key" {
			c.Username, c.Password, c.APIKey = "", secret.Text{}, secret.New("demo-key")
		}
	})
	readings, alarms := b.live(b.js, schema.Readings, client), b.live(b.js, schema.Alarms, client)
	readings.OnStep = func(s poller.Step) {
		if s.Doing == poller.AwaitsExport {
			b.forward(time.Minute)
		}
	}
	alarms.OnStep = readings.OnStep
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		b.awaitCovered(schema.Alarms, dayEnd)
	}, readings, alarms)
	if b.audit(schema.Readings, dayEnd).Stored == 0 || b.audit(schema.Alarms, dayEnd).Stored == 0 {
		b.Error("nothing was stored")
	}
}

// notCovered: what cannot be read is never covered, however often it is tried, and no row of it is stored.
func notCovered(t *testing.T, key, value string) {
	b := small(t, key+"="+value)
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
	if stored := b.judge(schema.Readings, bridgetest.Due{From: b.start, Until: b.start, AsOf: dayEnd}).Stored; stored > 0 {
		t.Errorf("%d rows were stored", stored)
	}
}

// TestEveryRowOnceInEverySpelling has every two values of every two switches together that shape one row: its id, its
// content, its time.
func TestEveryRowOnceInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, switches := range [][]string{
		{"alarm.names", "alarm.value", "alarm.type_text", "alarm.source_event", "alarm.rows", "alarm.source_uuid", "alarm.unknown", "alarm.closing", "alarm.time_skew", "local.suffix", "json.null"},
		{"json.time", "time.fraction", "uuid.case", "json.channel_no", "column.case", "local.suffix", "site.value", "unit.text", "rows.retransmit", "value.broken_probe"},
		{"csv.time", "time.fraction", "uuid.case", "column.case", "csv.null", "csv.quoting", "local.suffix", "alarm.value"},
	} {
		for i, list := range saveristest.Pairs(nil, switches...) {
			if !variants.Take(i, 4) {
				continue
			}
			t.Run(strings.Join(list, ","), func(t *testing.T) {
				t.Parallel()
				small(t, list...).once(switches[0], "")
			})
		}
	}
}
