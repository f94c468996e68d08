package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
)

// storedEvent is a stored event as far as a line on a terminal shows it.
type storedEvent struct {
	Lane     string      `json:"-"`
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
	Text     string      `json:"-"` // what an alarm says, for people
	Ends     bool        `json:"-"` // it ends an alarm
	Sensor   struct {
		Serial  string      `json:"serial_no"`
		Channel json.Number `json:"channel_no"`
	} `json:"sensor"`
	Rejected time.Time `json:"-"` // when a row was read that could not be an event
	Reason   string    `json:"reason"`
	Row      string    `json:"row"`
}

// parseStored reads a stored message as a consumer does.
func parseStored(header map[string][]string, body []byte) (storedEvent, error) {
	event, err := schema.Parse(header, body)
	if err != nil {
		return storedEvent{}, err
	}
	var out storedEvent
	out.Lane, _ = event.Extensions()["lane"].(string)
	if err := json.Unmarshal(event.Data(), &out); err != nil {
		return storedEvent{}, fmt.Errorf("data of event %s: %w", event.ID(), err)
	}
	if out.alarm() {
		alarm, _ := schema.ReadAlarm(event.ID(), 0, event.Data())
		out.Text, out.Ends = alarm.Text(), alarm.Ends()
	}
	if event.Type() == "saveris.row.rejected.v1" {
		out.Rejected = event.Time()
	}
	return out, nil
}

// at is the time that a line shows.
func (e storedEvent) at() time.Time {
	switch {
	case e.alarm():
		return e.Raised
	case !e.Rejected.IsZero():
		return e.Rejected
	}
	return e.Measured
}

func (e storedEvent) alarm() bool { return e.State != "" }

// counts are events by kind.
type counts struct{ readings, alarms int }

func (c *counts) add(alarm bool, n int) {
	if alarm {
		c.alarms += n
		return
	}
	c.readings += n
}

// take takes one of a kind, if there is one.
func (c *counts) take(alarm bool) bool {
	left := &c.readings
	if alarm {
		left = &c.alarms
	}
	if *left == 0 {
		return false
	}
	*left--
	return true
}

func (c counts) String() string {
	return fmt.Sprintf("%d readings and %d alarms", c.readings, c.alarms)
}

// eventPrinter prints a line for each event since it began. Of those from before it prints a few and counts the others.
type eventPrinter struct {
	out     io.Writer
	colour  bool
	dated   bool // lines show the date too
	began   time.Time
	before  counts        // lines that may still be printed of what was before
	hand    []storedEvent // to be printed
	raised  raisedAlarms
	skipped counts
}

// A poll's events come close together, and those of two feeds mixed: they are collected until settle has passed without
// one, and printed in the order of time. What was skipped is told when none has come for longer.
const (
	settle    = 200 * time.Millisecond
	settleOld = time.Second
)

// How many lines show what was before: at first, and once the catching up is over.
var (
	fewBefore = counts{readings: 7, alarms: 3}
	fewLate   = counts{readings: 100, alarms: 100}
)

func newEventPrinter(out io.Writer, began time.Time) *eventPrinter {
	return &eventPrinter{out: out, colour: isTerminal(out) && os.Getenv("NO_COLOR") == "", began: began, before: fewBefore, raised: raisedAlarms{}}
}

// head prints what the columns are.
func (p *eventPrinter) head() error {
	_, err := fmt.Fprintf(p.out, "%-14s  %-7s  %-8s  %-14s  %-22s  %10s %s\n", "measured (UTC)", "lane", "site", "sensor/channel", "quantity", "value", "unit")
	return err
}

// print prints until ctx ends.
func (p *eventPrinter) print(ctx context.Context, events <-chan storedEvent) error {
	if err := p.head(); err != nil {
		return err
	}
	fresh, old := time.NewTimer(settle), time.NewTimer(settleOld)
	for {
		select {
		case e := <-events:
			p.hand = append(p.hand, e)
			fresh.Reset(settle)
		case <-fresh.C:
			if p.flush() {
				old.Reset(settleOld)
			}
		case <-old.C:
			p.tellSkipped()
		case <-ctx.Done():
			p.flush()
			p.tellSkipped()
			return ctx.Err()
		}
	}
}

// flush prints what is in hand, and tells whether it skipped something.
func (p *eventPrinter) flush() (skipped bool) {
	slices.SortStableFunc(p.hand, func(a, b storedEvent) int { return a.at().Compare(b.at()) })
	older, _ := slices.BinarySearchFunc(p.hand, p.began, func(e storedEvent, t time.Time) int { return e.at().Compare(t) })
	var show []storedEvent
	for _, e := range slices.Backward(p.hand[:older]) { // the newest of each kind
		if !p.before.take(e.alarm()) {
			p.skipped.add(e.alarm(), 1)
			skipped = true
			continue
		}
		show = append(show, e)
	}
	slices.Reverse(show)
	for _, e := range append(show, p.hand[older:]...) {
		fmt.Fprintln(p.out, p.line(e))
	}
	p.hand = p.hand[:0]
	return skipped
}

// tellSkipped ends the catching up: what comes late from now on is little.
func (p *eventPrinter) tellSkipped() {
	if p.skipped != (counts{}) {
		fmt.Fprintf(p.out, "… %v of the time before this start stored\n", p.skipped)
		p.skipped = counts{}
		p.before = fewLate
	}
}

// The colours of alarms.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	plain  = "\x1b[0m"
)

// longestRow is how many characters of a rejected row a line shows.
const longestRow = 200

func (p *eventPrinter) line(e storedEvent) string {
	stamp := e.at().UTC().Format(time.TimeOnly)
	if p.dated {
		stamp = e.at().UTC().Format("01-02 15:04:05")
	}
	if !e.Rejected.IsZero() {
		return printable.Text(fmt.Sprintf("%-14s  rejected: %s: %.*s", stamp, e.Reason, longestRow, e.Row))
	}
	if e.alarm() {
		text := fmt.Sprintf("%-14s  %-7s  %-8.8s  %-14s  %-22s  %s %s  %s%s", stamp, e.Lane, e.Site, e.Sensor.Serial, e.Quantity,
			strings.ToUpper(e.Severity), e.State, e.Text, p.raised.beside(e))
		return p.coloured(alarmColour(e), printable.Text(text))
	}
	text := fmt.Sprintf("%-14s  %-7s  %-8.8s  %-14s  %-22s  %10s %s", stamp, e.Lane, e.Site,
		e.Sensor.Serial+"/"+e.Sensor.Channel.String(), e.Quantity, twoDecimals(e.Value), cmp.Or(e.Unit, e.Vendor))
	return printable.Text(strings.TrimRight(text, " "))
}

func (p *eventPrinter) coloured(colour, text string) string {
	if !p.colour {
		return text
	}
	return colour + text + plain
}

// twoDecimals shortens a number for a terminal. What is stored keeps its digits.
func twoDecimals(n json.Number) string {
	f, err := n.Float64()
	if err != nil || !strings.Contains(n.String(), ".") {
		return n.String()
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
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
