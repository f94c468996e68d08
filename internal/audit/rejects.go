package audit

import (
	"context"
	"encoding/json"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Rejected is a row of the vendor's that could not be an event: nobody knows of which channel and time it is.
type Rejected struct {
	Feed   string    `json:"feed"`
	ID     string    `json:"id"`   // of its event
	Time   time.Time `json:"time"` // when it was read
	From   time.Time `json:"from"` // the window in which it was asked for
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	Row    string    `json:"row"` // its raw text, the beginning of it
}

// mostRejected is how many rejected rows are named, and how many bytes of each; all are counted.
const (
	mostRejected = 100
	mostOfARow   = 200
)

// readRejected finds the rejected rows of a feed whose window overlaps the range.
func (a *auditor) readRejected(ctx context.Context, feed schema.Feed, stream *checkpoint.Stream) error {
	list, err := stream.Listing(ctx, checkpoint.RejectedDay)
	if err != nil {
		return err
	}
	for _, run := range list.Runs() {
		if run.From = max(run.From, list.Oldest); run.From >= run.Until {
			continue
		}
		err := stream.Events(ctx, run, func(m checkpoint.StoredEvent) error {
			if len(list.At(m.Seq)) > 0 {
				a.reject(feed, m)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *auditor) reject(feed schema.Feed, m checkpoint.StoredEvent) {
	attributes, data, err := schema.Unwrap(m.Header, m.Data)
	if err != nil {
		return
	}
	var d struct {
		Reason, Row string
		Window      struct{ From, Until time.Time }
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return
	}
	span := a.config.Span
	if !d.Window.From.Before(span.Until) || !span.From.Before(d.Window.Until) {
		return
	}
	r := a.report
	if r.RejectedCount++; len(r.Rejected) == mostRejected {
		return
	}
	if len(d.Row) > mostOfARow {
		d.Row = d.Row[:mostOfARow] + "…"
	}
	at, _ := time.Parse(time.RFC3339, attributes["time"])
	r.Rejected = append(r.Rejected, Rejected{
		Feed: string(feed), ID: attributes["id"], Time: at.UTC(), From: d.Window.From.UTC(), Until: d.Window.Until.UTC(), Reason: d.Reason, Row: d.Row,
	})
}
