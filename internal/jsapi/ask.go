package jsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Caller asks the JetStream API. Many goroutines may use it.
//
// Everybody who hears a request may answer it, before the server and as often as he likes, and the client library takes the
// first answer for the server's. A Caller passes over what is not JetStream's. One request may take as long as JS has been told
// (jetstream.WithDefaultTimeout), which is 5 s unless something else was.
type Caller struct {
	JS              jetstream.JetStream
	OnForeignAnswer func(subject string, answer []byte) // called with the answers that it passes over; nil = nobody is
}

// Answer is what all answers of the API have in common; types of answers embed it.
type Answer struct {
	Type  string              `json:"type"`
	Error *jetstream.APIError `json:"error"`
}

func (a Answer) common() Answer { return a }

// Ask sends a request, which has to marshal, and returns the answer of the kind, such as "stream_info_response". Call is the end
// of the subject, such as STREAM.INFO.<name>. It fails with the APIError of an answer that bears one. Where the connection is lost
// it asks once more when there is another one: all calls may be repeated.
func Ask[A interface{ common() Answer }](ctx context.Context, c Caller, call, kind string, request any) (a A, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.JS.Options().DefaultTimeout) // an answer that is lost on the way never comes
	defer cancel()
	var text []byte
	if request != nil {
		if text, err = json.Marshal(request); err != nil {
			return a, err
		}
	}
	for {
		a, err = ask[A](ctx, c, Subject(c.JS.Options(), call), kind, text)
		if !errors.Is(err, ErrReconnected) {
			return a, err
		}
	}
}

// ask is Ask on one connection: it fails with ErrReconnected where that is lost and there is another one.
func ask[A interface{ common() Answer }](ctx context.Context, c Caller, subject, kind string, request []byte) (a A, err error) {
	nc := c.JS.Conn()
	ctx, end := UntilReconnected(ctx, nc, nc.Stats().Reconnects)
	defer end()
	msg, err := nc.RequestWithContext(ctx, subject, request)
	if err != nil {
		return a, OrReconnected(ctx, err)
	}
	if a, ours := parse[A](msg.Data, kind); ours {
		return a, failure(a)
	}
	if c.OnForeignAnswer != nil {
		c.OnForeignAnswer(subject, msg.Data)
	}
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return a, err
	}
	defer func() { _ = answers.Unsubscribe() }() // of a connection that is closed: it has none any more
	if err := nc.PublishRequest(subject, inbox, request); err != nil {
		return a, err
	}
	for {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return a, fmt.Errorf("somebody else answers %s, and JetStream does not: %w", subject, OrReconnected(ctx, err))
		}
		if a, ours := parse[A](msg.Data, kind); ours {
			return a, failure(a)
		}
	}
}

func parse[A interface{ common() Answer }](data []byte, kind string) (a A, ours bool) {
	err := json.Unmarshal(data, &a)
	return a, err == nil && a.common().Type == "io.nats.jetstream.api.v1."+kind
}

func failure[A interface{ common() Answer }](a A) error {
	if refused := a.common().Error; refused != nil {
		return refused
	}
	return nil
}

type streamAnswer struct {
	Answer
	jetstream.StreamInfo
}

// InfoRequest says what StreamInfo asks for beside the stream's configuration and state.
type InfoRequest struct {
	// SubjectsFilter asks how many messages stand on each subject that matches it, up to the 100,000 of one answer.
	SubjectsFilter string `json:"subjects_filter,omitempty"`
	// DeletedDetails asks for the sequences that were removed behind the first message.
	DeletedDetails bool `json:"deleted_details,omitempty"`
}

// StreamInfo returns what a stream is and holds, in one round trip. It fails with jetstream.ErrStreamNotFound where it does not
// exist.
func StreamInfo(ctx context.Context, c Caller, name string, request InfoRequest) (*jetstream.StreamInfo, error) {
	a, err := Ask[streamAnswer](ctx, c, "STREAM.INFO."+name, "stream_info_response", request)
	if err != nil {
		return nil, err
	}
	return &a.StreamInfo, nil
}

// CreateStream creates a stream, or returns the one that is there if it is identical. It fails with
// jetstream.ErrStreamNameAlreadyInUse where another is.
func CreateStream(ctx context.Context, c Caller, config jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	a, err := Ask[streamAnswer](ctx, c, "STREAM.CREATE."+config.Name, "stream_create_response", config)
	if err != nil {
		return nil, err
	}
	return &a.StreamInfo, nil
}

// StreamNames returns the names of the streams that have a subject, which may have wildcards.
func StreamNames(ctx context.Context, c Caller, subject string) (names []string, err error) {
	type answer struct {
		Answer
		Total   int      `json:"total"`
		Streams []string `json:"streams"`
	}
	for {
		a, err := Ask[answer](ctx, c, "STREAM.NAMES", "stream_names_response", map[string]any{"subject": subject, "offset": len(names)})
		if err != nil {
			return nil, err
		}
		if names = append(names, a.Streams...); len(a.Streams) == 0 || len(names) >= a.Total {
			return names, nil
		}
	}
}

// AccountInfo returns what JetStream has for the account. It fails with jetstream.ErrJetStreamNotEnabled or
// ErrJetStreamNotEnabledForAccount where that is nothing.
func AccountInfo(ctx context.Context, c Caller) (*jetstream.AccountInfo, error) {
	type answer struct {
		Answer
		jetstream.AccountInfo
	}
	a, err := Ask[answer](ctx, c, "INFO", "account_info_response", nil)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, jetstream.ErrJetStreamNotEnabled
	}
	if err != nil {
		return nil, err
	}
	return &a.AccountInfo, nil
}
