package replay

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// maxGap is how many messages are rather read in vain than left out by another request.
const maxGap = 256

// read returns the events of a slice in its order. One that is not there any more has the sequence 0.
func (r *Replayer) read(ctx context.Context, part []eventRef) ([]checkpoint.StoredEvent, error) {
	held := make([]checkpoint.StoredEvent, len(part))
	order := make([]int, len(part))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(part[a].ref, part[b].ref) })
	for len(order) > 0 {
		n := 1
		for n < len(order) && part[order[n]].ref-part[order[n-1]].ref <= maxGap {
			n++
		}
		if err := r.readRun(ctx, part, order[:n], held); err != nil {
			return nil, err
		}
		order = order[n:]
	}
	return held, nil
}

// readRun reads events of one feed that stand close together; order is that of their sequences.
func (r *Replayer) readRun(ctx context.Context, part []eventRef, order []int, held []checkpoint.StoredEvent) error {
	first, last := part[order[0]], part[order[len(order)-1]]
	at := checkpoint.Seqs{From: first.seq(), Until: last.seq() + 1}
	return r.Feeds[first.feed()].Stream.Events(ctx, at, func(e checkpoint.StoredEvent) error {
		for len(order) > 0 && part[order[0]].seq() < e.Seq {
			order = order[1:]
		}
		if len(order) > 0 && part[order[0]].seq() == e.Seq {
			held[order[0]] = e
		}
		return nil
	})
}

// drop takes out of a slice what has been removed since the first pass.
func (r *Replayer) drop(ctx context.Context, part []eventRef, held []checkpoint.StoredEvent, day *Day) ([]eventRef, []checkpoint.StoredEvent, error) {
	oldest := make([]uint64, len(r.Feeds))
	there := 0
	for i, p := range part {
		if held[i].Seq != 0 {
			part[there], held[there] = p, held[i]
			there++
			continue
		}
		if feed := p.feed(); oldest[feed] == 0 {
			var err error
			if oldest[feed], err = r.Feeds[feed].Stream.Oldest(ctx); err != nil {
				return nil, nil, err
			}
		}
		day.Parts[p.feed()].miss(p.seq(), oldest[p.feed()])
	}
	return part[:there], held[:there], nil
}

// publish sends a stored event. What NATS wrote into its headers for storing it stays behind.
func (r *Replayer) publish(ctx context.Context, e checkpoint.StoredEvent) error {
	header, body := map[string][]string(e.Header), e.Data
	attributes, data, err := schema.Unwrap(header, body)
	if err != nil {
		return err
	}
	if r.Mode != "" && (r.Mode == schema.Structured) != schema.IsStructured(header) {
		header, body = schema.Message(r.Mode, attributes, data)
	}
	maps.DeleteFunc(header, func(key string, _ []string) bool { return strings.HasPrefix(key, "Nats-") })
	header[HeaderReplay] = []string{r.Mark}
	header[HeaderSequence] = []string{strconv.FormatUint(e.Seq, 10)}
	header[HeaderSubject] = []string{e.Subject}
	if r.MessageID {
		header["Nats-Msg-Id"] = []string{schema.HeaderText(attributes["source"]) + "#" + schema.HeaderText(attributes["id"])}
	}
	return r.Publisher.Publish(ctx, r.To.Subject(e.Subject), header, body)
}
