package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// rawOrder is what the raw ceiling is asked for on its standard input.
type rawOrder struct {
	Vendor   string
	Broker   string
	Windows  []span
	InFlight int // batches
	Mode     schema.Mode
}

// batchSize is how many messages the server takes in one batch at most.
const batchSize = 1000

// runRaw stores ready-made messages in atomic batches: what the server can do if nobody does any work. It is the same
// bytes as the bridge's events, without ids of messages, without index and record, without a look at what is there.
func runRaw(ctx context.Context) error {
	var order rawOrder
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		return err
	}
	msgs, err := readyMade(ctx, order)
	if err != nil {
		return err
	}
	nc, err := nats.Connect(order.Broker)
	if err != nil {
		return err
	}
	defer nc.Close()
	runtime.GC()
	debug.SetGCPercent(-1) // a gigabyte of ready messages is not the ceiling's to look through
	if err := tellBegun(); err != nil {
		return err
	}
	return storeRaw(ctx, nc, msgs, order.InFlight)
}

// readyMade makes the messages of a range as the bridge does.
func readyMade(ctx context.Context, order rawOrder) (msgs []*nats.Msg, err error) {
	c, err := client(order.Vendor, saveris.JSON)
	if err != nil {
		return nil, err
	}
	maker := schema.NewMaker(schema.Readings, names.Prefix, order.Vendor)
	now := time.Now().Truncate(time.Millisecond)
	err = each(ctx, c, order.Windows, func(row *saveris.Row) error {
		event := maker.Event(row, schema.Window{}, now)
		if event.Rejected {
			return fmt.Errorf("a row was rejected: %.200q", row.Raw)
		}
		msg := &nats.Msg{Subject: event.Ingest(schema.History), Header: nats.Header{}}
		if order.Mode == schema.Structured {
			msg.Header[schema.KeyStructured] = []string{schema.TypeStructured}
			msg.Data = event.AppendStructured(nil, schema.History, now)
		} else {
			event.Header(msg.Header, schema.History, now)
			msg.Data = event.AppendData(nil)
		}
		msgs = append(msgs, msg)
		return nil
	})
	for i := range msgs { // an id of a batch has 26 characters, as the bridge's has
		msgs[i].Header["Nats-Batch-Id"] = []string{fmt.Sprintf("RAW%023d", i/batchSize)}
		msgs[i].Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i%batchSize + 1)}
	}
	return msgs, err
}

// storeRaw sends batch after batch on one connection and waits only when too many are unanswered.
func storeRaw(ctx context.Context, nc *nats.Conn, msgs []*nats.Msg, inFlight int) error {
	answers := make(chan *nats.Msg, len(msgs)/batchSize+1)
	inbox := nats.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	open := 0
	for len(msgs) > 0 {
		if open == inFlight {
			if err := committed(ctx, answers); err != nil {
				return err
			}
			open--
		}
		batch := msgs[:min(batchSize, len(msgs))]
		msgs = msgs[len(batch):]
		last := batch[len(batch)-1]
		last.Header["Nats-Batch-Commit"], last.Reply = []string{"1"}, inbox
		for _, msg := range batch {
			if err := nc.PublishMsg(msg); err != nil {
				return err
			}
		}
		open++
	}
	for ; open > 0; open-- {
		if err := committed(ctx, answers); err != nil {
			return err
		}
	}
	return nil
}

// committed waits for the answer to one batch.
func committed(ctx context.Context, answers <-chan *nats.Msg) error {
	var answer *nats.Msg
	select {
	case answer = <-answers:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Minute):
		return errors.New("a batch was not answered for a minute")
	}
	var ack struct {
		Error *struct{ Description string } `json:"error"`
		Seq   uint64                        `json:"seq"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return fmt.Errorf("answer to a batch: %w", err)
	}
	if ack.Error != nil || ack.Seq == 0 {
		return fmt.Errorf("batch refused: %s", answer.Data)
	}
	return nil
}
