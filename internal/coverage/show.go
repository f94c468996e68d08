package coverage

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"

	"github.com/nats-io/nats.go/jetstream"
)

// Show prints the records of all feeds that are set: for people, or as JSON as they are stored, one a line. An error is a
// natsconn.ErrUnusable or that of out.
func Show(ctx context.Context, s config.Streams, js jetstream.JetStream, asJSON bool, out io.Writer) error {
	for _, feed := range pipeline.Feeds(s) {
		book := checkpoint.NewBook(checkpoint.NewStream(js, pipeline.Broker(s).Names.Stream(feed), s.Prefix, string(feed)))
		days, err := book.Days(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(js.Conn(), err))
		}
		records, err := book.Heads(ctx, append(days, checkpoint.RejectedDay))
		if err != nil {
			return fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(js.Conn(), err))
		}
		if asJSON {
			err = printRecords(out, records)
		} else {
			_, err = io.WriteString(out, recordsText(feed, records))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func printRecords(out io.Writer, records []checkpoint.Head) error {
	for _, r := range records {
		if r.Seq == 0 {
			continue
		}
		line, err := json.Marshal(r.Record)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// recordsText is what people see of a feed's records.
func recordsText(feed schema.Feed, records []checkpoint.Head) string {
	var b strings.Builder
	var newest checkpoint.Head
	var since time.Time
	for _, r := range records {
		if r.Seq > newest.Seq {
			newest = r
		}
		if r.Since != nil && r.Since.After(since) {
			since = *r.Since
		}
	}
	if newest.Seq == 0 {
		return string(feed) + "\n  nothing is stored yet\n"
	}
	fmt.Fprintf(&b, "%s, %s\n", feed, ofAccount(newest.Account))
	for _, r := range records {
		switch {
		case r.Seq == 0:
		case r.Day == checkpoint.RejectedDay:
			if r.Rows > 0 {
				fmt.Fprintf(&b, "  %-10s  %d rows that cannot be events\n", r.Day, r.Rows)
			}
		default:
			b.WriteString("  " + recordLine(r.Record, newest.Account) + "\n")
		}
	}
	if !since.IsZero() {
		fmt.Fprintf(&b, "  gaps since %s are read by bridge run, older ones by bridge backfill alone\n", words.Time(since))
	}
	return b.String()
}

func ofAccount(account string) string {
	if account == "" {
		return "of no named account"
	}
	return "of account " + account
}

// recordLine is a day's record; its account is shown where it is not that of the newest record.
func recordLine(r checkpoint.Record, newest string) string {
	line := fmt.Sprintf("%-10s  %-14s  %7d rows", r.Day, coveredText(r), r.Rows)
	if r.Late > 0 {
		line += fmt.Sprintf(", %d late", r.Late)
	}
	var read time.Time
	for _, iv := range r.Covered {
		if iv.ReadAt.After(read) {
			read = iv.ReadAt
		}
	}
	if !read.IsZero() {
		line += ", read last " + words.Time(read)
	}
	if r.Account != newest {
		line += ", " + ofAccount(r.Account)
	}
	return line
}

// shownSpans is how many spans of a day are shown.
const shownSpans = 4

// coveredText says what of a day is covered.
func coveredText(r checkpoint.Record) string {
	var spans []checkpoint.Span
	for _, iv := range r.Covered {
		if n := len(spans); n > 0 && spans[n-1].Until.Equal(iv.From) {
			spans[n-1].Until = iv.Until
			continue
		}
		spans = append(spans, iv.Span())
	}
	day, err := checkpoint.DaySpan(r.Day)
	if err == nil && len(spans) == 1 && spans[0] == (checkpoint.Span{From: spans[0].From, Until: spans[0].From.AddDate(0, 0, 1)}) && spans[0].From.Equal(day.From) {
		return "all of it"
	}
	var texts []string
	for i, span := range spans {
		if i == shownSpans {
			texts = append(texts, fmt.Sprintf("and %d more", len(spans)-i))
			break
		}
		texts = append(texts, clockText(span.From, day.From)+"-"+clockText(span.Until, day.From))
	}
	if len(texts) == 0 {
		return "nothing"
	}
	return strings.Join(texts, ", ")
}

// clockText is a moment of a day, whose end is 24:00.
func clockText(t, day time.Time) string {
	if t.Sub(day) == 24*time.Hour {
		return "24:00"
	}
	if t.Second() == 0 && t.Nanosecond() == 0 {
		return t.UTC().Format("15:04")
	}
	return t.UTC().Format("15:04:05")
}
