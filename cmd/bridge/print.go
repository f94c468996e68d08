package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"saveris-bridge/internal/schema"
)

// storedEvent is a stored event as far as a line on a terminal shows it.
type storedEvent struct {
	Type, Lane string

	Site     string      `json:"site"`
	Quantity string      `json:"quantity"`
	Value    json.Number `json:"value"`
	Unit     string      `json:"unit"`
	Vendor   string      `json:"vendor_unit"`
	Measured time.Time   `json:"measured_at"`
	Raised   time.Time   `json:"raised_at"`
	State    string      `json:"state"`
	Severity string      `json:"severity"`
	Cond     string      `json:"condition"`
	Sensor   struct {
		Serial  string      `json:"serial_no"`
		Channel json.Number `json:"channel_no"`
	} `json:"sensor"`
}

// parseStored reads a stored message as a consumer does.
func parseStored(header map[string][]string, data []byte) (storedEvent, error) {
	event, err := schema.Parse(header, data)
	if err != nil {
		return storedEvent{}, err
	}
	out := storedEvent{Type: event.Type()}
	out.Lane, _ = event.Extensions()["lane"].(string)
	if err := json.Unmarshal(data, &out); err != nil {
		return storedEvent{}, fmt.Errorf("data of event %s: %w", event.ID(), err)
	}
	return out, nil
}

// eventPrinter prints a line for each live event and counts the others.
type eventPrinter struct {
	out    io.Writer
	colour bool
	older  int
}

func newEventPrinter(out io.Writer) *eventPrinter {
	return &eventPrinter{out: out, colour: isTerminal(out) && os.Getenv("NO_COLOR") == ""}
}

// print prints until ctx ends.
func (p *eventPrinter) print(ctx context.Context, events <-chan storedEvent) error {
	fmt.Fprintf(p.out, "%-8s  %-4s  %-8s  %-14s  %-22s  %10s %s\n", "time UTC", "lane", "site", "sensor/channel", "quantity", "value", "unit")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case e := <-events:
			if e.Lane != string(schema.Live) {
				p.older++
				continue
			}
			fmt.Fprintln(p.out, p.line(e))
		case <-tick.C:
			p.printOlder()
		case <-ctx.Done():
			p.printOlder()
			return ctx.Err()
		}
	}
}

func (p *eventPrinter) printOlder() {
	if p.older > 0 {
		fmt.Fprintf(p.out, "          ... %d older events stored on the history lane\n", p.older)
		p.older = 0
	}
}

// The colours of alarms.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	plain  = "\x1b[0m"
)

func (p *eventPrinter) line(e storedEvent) string {
	at, sensor, suffix, colour := e.Measured, e.Sensor.Serial+"/"+e.Sensor.Channel.String(), "", ""
	if e.State != "" {
		at, sensor = e.Raised, e.Sensor.Serial
		suffix = fmt.Sprintf("  %s %s: %s", strings.ToUpper(e.Severity), e.State, e.Cond)
		colour = alarmColour(e)
	}
	text := printable(fmt.Sprintf("%s  %-4s  %-8.8s  %-14s  %-22s  %10s %s%s", at.UTC().Format(time.TimeOnly), e.Lane, e.Site,
		sensor, e.Quantity, e.Value, cmp.Or(e.Unit, e.Vendor), suffix))
	if !p.colour || colour == "" {
		return text
	}
	return colour + text + plain
}

func alarmColour(e storedEvent) string {
	switch {
	case e.State == "cleared":
		return green
	case e.Severity == "alarm":
		return red
	}
	return yellow
}
