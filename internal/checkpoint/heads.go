package checkpoint

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// Heads hands out the sequences and headers of the feed's events at these sequences, rejected rows among them, oldest
// first. What is not there, or is no event, is left out. An error of each ends it and is returned as it is.
func (s *Stream) Heads(ctx context.Context, at Seqs, each func(seq uint64, header map[string][]string) error) error {
	return s.scan(ctx, at, nil, true, func(m jetstream.Msg, seq uint64) error {
		if kind, _ := s.kindOf(m.Subject()); kind != "event" {
			return nil
		}
		return each(seq, m.Headers())
	})
}

// Oldest gives the sequence of the stream's first message: what stood before it was removed by retention.
func (s *Stream) Oldest(ctx context.Context) (uint64, error) {
	state, err := s.state(ctx)
	return state.FirstSeq, err
}
