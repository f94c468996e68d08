package audit_test

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/schema"
)

var update = flag.Bool("update", false, "write the golden files")

// sample stores two days of two fridges, one of which has an awkward name, with a hole, an alarm and a rejected row.
func (c *court) sample() *audit.Report {
	c.steady("1", 0, "4.5")
	c.steady("1", 1, "5.25", 10, 11, 12, 95)
	c.steady("=2", 0, "6")
	c.covered(schema.Alarms, days(0, 2))
	c.store(schema.Alarms, c.alarm("a", "Alarm", midnight.Add(3*time.Hour), midnight.Add(3*time.Hour)), c.alarm("a", "Ok", midnight.Add(3*time.Hour), midnight.Add(200*time.Minute)))
	e := c.event(schema.Readings, "uuid", "no time")
	if _, err := c.writers[schema.Readings].Commit(c.Context(), e.Day(), []schema.Event{e}, nil); err != nil {
		c.Fatal(err)
	}
	limits := fixed(`{"lower_violation":null,"lower_warning":null,"upper_warning":5,"upper_violation":7}`)
	now := audit.Period{Cycle: 15 * time.Minute, Limits: limits}
	return c.audit(days(0, 2), []audit.Channel{
		{
			Key: audit.Key{Serial: "1", No: "1"}, Periods: []audit.Period{now},
			Names: &audit.Names{Tenant: "Chain", Site: "Restaurant <b>Musterstadt</b>", Equipment: "Fridge 1", Part: "air", Area: "Kitchen"},
		},
		{Key: audit.Key{Serial: "=2", No: "1"}, Periods: []audit.Period{now, {From: midnight.AddDate(0, 0, 1), Off: true, Cycle: 15 * time.Minute}}},
	})
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	r := c.sample()
	for name, write := range map[string]func(b *bytes.Buffer) error{
		"report.json": func(b *bytes.Buffer) error { return r.JSON(b) }, "report.csv": func(b *bytes.Buffer) error { return r.CSV(b) },
		"report.txt": func(b *bytes.Buffer) error { return r.Text(b) }, "report.html": func(b *bytes.Buffer) error { return r.HTML(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		path := "testdata/" + name
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s differs; look at it, then go test ./internal/audit -update\n%s", path, b.Bytes())
		}
	}
}

// TestThePageNeedsNothingFromOutside: no script, no link, no picture, and names are text.
func TestThePageNeedsNothingFromOutside(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/report.html")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|src=|href=|url\(|@import|<b>Muster`).Find(text); found != nil {
		t.Errorf("it has %s", found)
	}
	for _, want := range []string{"Check again", "bridge verify --from 2026-11-23T00:00:00Z --until 2026-11-25T00:00:00Z", "SAVERIS_READINGS", "83.144", "&lt;b&gt;Musterstadt"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it lacks %q", want)
		}
	}
}
