package bridgetest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// event is a stored event as the audit looks at it.
type event struct {
	id, revises string
	cause       string // ce-causationid
	kind        string // ce-type
	sensor      string // ce-partitionkey
	at          time.Time
	atText      string // ce-time
	data        content
	raw         string                     // of a rejected row
	columns     map[string]json.RawMessage // of a task
	body        json.RawMessage            // data of what is no row
}

const kindTask = "saveris.task.v1"

// content is what of the data the audit holds against the truth.
type content struct {
	Value     *json.Number   `json:"value"`
	Other     map[string]any `json:"other"`
	Unit      *string        `json:"unit"`
	Vendor    *string        `json:"vendor_unit"`
	Measured  string         `json:"measured_at"`
	Raised    string         `json:"raised_at"`
	Changed   *string        `json:"status_changed_at"`
	State     string         `json:"state"`
	Severity  string         `json:"severity"`
	Status    *string        `json:"status"`
	Condition *string        `json:"condition"`
	Row       string         `json:"row"`
}

// message is one message of a stream: an event, an index or a record.
type message struct {
	seq     uint64
	at      time.Time // when it was stored, by the broker's clock
	subject string
	kind    string // "event", "index" or "record"
	day     string // of index and record
	event   event
	body    []byte
	events  string // headers of an index
	again   string
}

// read reads a stream from its beginning to what is its end at the time of asking.
func read(ctx context.Context, js jetstream.JetStream, stream string) ([]message, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", stream, err)
	}
	return readOf(ctx, s, stream, s.CachedInfo().State.Msgs, jetstream.OrderedConsumerConfig{})
}

// readOn reads what stands on the subjects of a filter.
func readOn(ctx context.Context, js jetstream.JetStream, stream, filter string) ([]message, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", stream, err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(filter))
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", stream, err)
	}
	total := uint64(0)
	for _, n := range info.State.Subjects {
		total += n
	}
	return readOf(ctx, s, stream, total, jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
}

func readOf(ctx context.Context, s jetstream.Stream, stream string, total uint64, config jetstream.OrderedConsumerConfig) ([]message, error) {
	all := make([]message, 0, total)
	if total == 0 {
		return all, nil
	}
	consumer, err := s.OrderedConsumer(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", stream, err)
	}
	defer func() { // or whoever audits again and again leaves so many that nobody else may have one
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.DeleteConsumer(ctx, consumer.CachedInfo().Name)
	}()
	messages, err := consumer.Messages(jetstream.PullMaxMessages(cmp.Or(consumer.CachedInfo().Config.MaxRequestBatch, jetstream.DefaultMaxMessages)))
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", stream, err)
	}
	defer messages.Stop()
	for uint64(len(all)) < total {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("audit %s: after %d of %d messages: %w", stream, len(all), total, err)
		}
		m, err := parse(msg)
		if err != nil {
			return nil, fmt.Errorf("audit %s: %w", stream, err)
		}
		all = append(all, m)
	}
	return all, nil
}

func parse(msg jetstream.Msg) (message, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return message{}, err
	}
	m := message{seq: meta.Sequence.Stream, at: meta.Timestamp, subject: msg.Subject(), body: msg.Data()}
	tokens := strings.Split(msg.Subject(), ".")
	switch tokens[1] {
	case "index", "checkpoints":
		if len(tokens) != 4 {
			return m, fmt.Errorf("sequence %d on %s: expected four tokens", m.seq, msg.Subject())
		}
		m.kind, m.day = map[string]string{"index": "index", "checkpoints": "record"}[tokens[1]], tokens[3]
		m.events, m.again = msg.Headers().Get("Saveris-Events"), msg.Headers().Get("Saveris-Repairs")
		return m, nil
	}
	m.kind = "event"
	m.event, err = parseEvent(msg)
	if err != nil {
		return m, fmt.Errorf("sequence %d on %s: %w", m.seq, msg.Subject(), err)
	}
	return m, nil
}

func parseEvent(msg jetstream.Msg) (e event, err error) {
	attributes, data, err := attributesOf(msg.Headers(), msg.Data())
	if err != nil {
		return e, err
	}
	e = event{id: attributes["id"], revises: attributes["revises"], cause: attributes["causationid"], kind: attributes["type"], sensor: attributes["partitionkey"], atText: attributes["time"]}
	if e.id == "" || attributes["specversion"] != "1.0" {
		return e, errors.New("no CloudEvent")
	}
	if e.at, err = time.Parse(time.RFC3339, e.atText); err != nil {
		return e, err
	}
	switch tokens := strings.Split(msg.Subject(), "."); {
	case tokens[1] == "devices", tokens[1] == "health":
		e.body = data
		return e, nil
	case e.kind == kindTask:
		return e, json.Unmarshal(data, &e.columns)
	}
	if err := json.Unmarshal(data, &e.data); err != nil {
		return e, err
	}
	e.raw = e.data.Row
	return e, nil
}
