package checkpoint

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
)

type messageAnswer struct {
	jsapi.Answer
	Message struct {
		Seq     uint64    `json:"seq"`
		Subject string    `json:"subject"`
		Header  []byte    `json:"hdrs"`
		Data    []byte    `json:"data"`
		Time    time.Time `json:"time"`
	} `json:"message"`
}

// message asks the stream's leader for a message, not whichever replica answers first: what a replica does not know yet
// costs a conflict. Which is the request as the JetStream API has it.
func (s *Stream) message(ctx context.Context, which map[string]any) (StoredEvent, error) {
	a, err := jsapi.Ask[messageAnswer](ctx, s.caller(), "STREAM.MSG.GET."+s.name, "stream_msg_get_response", which)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return StoredEvent{}, nil
	}
	if err != nil {
		return StoredEvent{}, err
	}
	m := StoredEvent{Seq: a.Message.Seq, Subject: a.Message.Subject, Data: a.Message.Data, At: a.Message.Time}
	if len(a.Message.Header) > 0 {
		m.Header, _ = nats.DecodeHeadersMsg(a.Message.Header) // what cannot be read is not of a bridge
	}
	return m, nil
}

// stranger reports that somebody else has answered a request.
func (s *Stream) stranger(subject string, answer []byte) {
	if s.OnForeignAnswer != nil {
		s.OnForeignAnswer(subject, answer)
	}
}

func (s *Stream) caller() jsapi.Caller {
	return jsapi.Caller{JS: s.js, OnForeignAnswer: s.OnForeignAnswer}
}

// Last returns the sequence of the stream's last message, 0 if it holds none.
func (s *Stream) Last(ctx context.Context) (uint64, error) {
	state, err := s.state(ctx)
	if err != nil || state.Msgs == 0 {
		return 0, err
	}
	return state.LastSeq, nil
}
