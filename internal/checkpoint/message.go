package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
)

// readTimeout bounds one request: an answer that is lost on the way never comes.
const readTimeout = 5 * time.Second

// errNoMessage is the server's code for "no message found".
const errNoMessage = 10037

// storedMessage is one message of a stream.
type storedMessage struct {
	seq     uint64 // 0: there is no such message
	subject string
	header  nats.Header
	data    []byte
	at      time.Time // when it was stored
}

// answer is what all answers of the JetStream API have.
type answer struct {
	Type  string              `json:"type"`
	Error *jetstream.APIError `json:"error"`
}

func (a answer) typed() string { return a.Type }

type messageAnswer struct {
	answer
	Message struct {
		Seq     uint64    `json:"seq"`
		Subject string    `json:"subject"`
		Header  []byte    `json:"hdrs"`
		Data    []byte    `json:"data"`
		Time    time.Time `json:"time"`
	} `json:"message"`
}

type infoAnswer struct {
	answer
	jetstream.StreamInfo
}

// message asks the stream's leader for a message, not whichever replica answers first: what a replica does not know yet
// costs a conflict. Which is the request as the JetStream API has it.
func (s *Stream) message(ctx context.Context, which map[string]any) (storedMessage, error) {
	a, err := ask[messageAnswer](ctx, s, "STREAM.MSG.GET."+s.name, "stream_msg_get_response", which)
	switch {
	case err != nil:
		return storedMessage{}, err
	case a.Error != nil && a.Error.ErrorCode == errNoMessage:
		return storedMessage{}, nil
	case a.Error != nil:
		return storedMessage{}, a.Error
	}
	m := storedMessage{seq: a.Message.Seq, subject: a.Message.Subject, data: a.Message.Data, at: a.Message.Time}
	if len(a.Message.Header) > 0 {
		m.header, _ = nats.DecodeHeadersMsg(a.Message.Header) // what cannot be read is not of a bridge
	}
	return m, nil
}

// info asks for what the stream is and holds, and how many messages stand on each of its subjects that match a filter, up to
// the 100,000 of one answer. In one round trip: jetstream looks the stream up first.
func (s *Stream) info(ctx context.Context, filter string) (*jetstream.StreamInfo, error) {
	request := map[string]any{}
	if filter != "" {
		request["subjects_filter"] = filter
	}
	a, err := ask[infoAnswer](ctx, s, "STREAM.INFO."+s.name, "stream_info_response", request)
	if err == nil && a.Error != nil {
		err = a.Error
	}
	if err != nil {
		return nil, err
	}
	return &a.StreamInfo, nil
}

// ask sends a request as the JetStream API has it, and reads the answer, which has to be of a type. What anybody else answers,
// before the server or after it, is passed over.
func ask[A interface{ typed() string }](ctx context.Context, s *Stream, call, kind string, request any) (a A, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	text, _ := json.Marshal(request) // strings and numbers always marshal
	subject := s.api(call)
	msg, err := s.js.Conn().RequestWithContext(ctx, subject, text)
	if err != nil {
		return a, err
	}
	if a, ours := parse[A](msg.Data, kind); ours {
		return a, nil
	}
	s.stranger(subject, msg.Data)
	inbox := s.js.Conn().NewInbox()
	answers, err := s.js.Conn().SubscribeSync(inbox)
	if err != nil {
		return a, err
	}
	defer func() { _ = answers.Unsubscribe() }() // of a connection that is closed: it has none any more
	if err := s.js.Conn().PublishRequest(subject, inbox, text); err != nil {
		return a, err
	}
	for {
		msg, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return a, fmt.Errorf("somebody else answers %s, and JetStream does not: %w", subject, err)
		}
		if a, ours := parse[A](msg.Data, kind); ours {
			return a, nil
		}
	}
}

func parse[A interface{ typed() string }](data []byte, kind string) (a A, ours bool) {
	err := json.Unmarshal(data, &a)
	return a, err == nil && a.typed() == "io.nats.jetstream.api.v1."+kind
}

// stranger reports that somebody else has answered a request.
func (s *Stream) stranger(subject string, answer []byte) {
	if s.OnStranger != nil {
		s.OnStranger(subject, answer)
	}
}

func (s *Stream) api(call string) string { return jsapi.Subject(s.js.Options(), call) }

// last returns the sequence of the stream's last message, 0 if it holds none.
func (s *Stream) last(ctx context.Context) (uint64, error) {
	state, err := s.state(ctx)
	if err != nil || state.Msgs == 0 {
		return 0, err
	}
	return state.LastSeq, nil
}
