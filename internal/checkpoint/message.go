package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
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
}

// message asks the stream's leader for a message, not whichever replica answers first: what a replica does not know yet
// costs a conflict. Which is the request as the JetStream API has it.
func (s *Stream) message(ctx context.Context, which map[string]any) (storedMessage, error) {
	var a struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Seq     uint64 `json:"seq"`
			Subject string `json:"subject"`
			Header  []byte `json:"hdrs"`
			Data    []byte `json:"data"`
		} `json:"message"`
	}
	if err := s.ask(ctx, "STREAM.MSG.GET.", which, &a); err != nil {
		return storedMessage{}, err
	}
	if a.Error != nil && a.Error.ErrorCode == errNoMessage {
		return storedMessage{}, nil
	}
	if a.Error != nil {
		return storedMessage{}, a.Error
	}
	m := storedMessage{seq: a.Message.Seq, subject: a.Message.Subject, data: a.Message.Data}
	if len(a.Message.Header) > 0 {
		var err error
		if m.header, err = nats.DecodeHeadersMsg(a.Message.Header); err != nil {
			return storedMessage{}, err
		}
	}
	return m, nil
}

// subjects returns how many messages stand on each of the stream's subjects that match, up to the 100,000 of one answer. In
// one round trip: jetstream looks the stream up first.
func (s *Stream) subjects(ctx context.Context, filter string) (map[string]uint64, error) {
	var a struct {
		Error *jetstream.APIError   `json:"error"`
		State jetstream.StreamState `json:"state"`
	}
	if err := s.ask(ctx, "STREAM.INFO.", map[string]any{"subjects_filter": filter}, &a); err != nil {
		return nil, err
	}
	if a.Error != nil {
		return nil, a.Error
	}
	return a.State.Subjects, nil
}

// ask sends a request about the stream as the JetStream API has it, and reads the answer.
func (s *Stream) ask(ctx context.Context, call string, request map[string]any, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	text, _ := json.Marshal(request) // strings and numbers always marshal
	msg, err := s.js.Conn().RequestWithContext(ctx, s.api(call+s.name), text)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(msg.Data, answer); err != nil {
		return fmt.Errorf("answer to %s%s: %w", call, s.name, err)
	}
	return nil
}

func (s *Stream) api(call string) string {
	options := s.js.Options()
	switch {
	case options.APIPrefix != "":
		return strings.TrimSuffix(options.APIPrefix, ".") + "." + call
	case options.Domain != "":
		return "$JS." + options.Domain + ".API." + call
	}
	return "$JS.API." + call
}

// last gives the sequence of the stream's last message, 0 if it holds none.
func (s *Stream) last(ctx context.Context) (uint64, error) {
	stream, err := s.js.Stream(ctx, s.name)
	if err != nil {
		return 0, fmt.Errorf("look up stream %s: %w", s.name, err)
	}
	if state := stream.CachedInfo().State; state.Msgs > 0 {
		return state.LastSeq, nil
	}
	return 0, nil
}
