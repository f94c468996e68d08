package checkpoint

import (
	"context"
	"fmt"
	"strings"

	"saveris-bridge/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// RecordMessage is a record as it stands in the stream.
type RecordMessage struct {
	Day  string
	Seq  uint64 // of the message; 0 says that there is none
	Data []byte // JSON; nobody has looked whether it can be read
}

// RecordOf reads a day's newest record from the stream's leader.
func (s *Stream) RecordOf(ctx context.Context, day string) (RecordMessage, error) {
	m, _, err := s.newest(ctx, s.RecordSubject(day))
	return s.asRecord(m, err)
}

// RecordAt reads the record that stands at a sequence from the stream's leader; it has no sequence where anything else
// stands there, or nothing.
func (s *Stream) RecordAt(ctx context.Context, seq uint64) (RecordMessage, error) {
	m, err := s.message(ctx, map[string]any{"seq": seq})
	return s.asRecord(m, err)
}

func (s *Stream) asRecord(m StoredEvent, err error) (RecordMessage, error) {
	if err != nil {
		return RecordMessage{}, fmt.Errorf("read a record of %s: %w", s.name, err)
	}
	day, found := strings.CutPrefix(m.Subject, s.RecordSubject(""))
	if !found {
		return RecordMessage{}, nil
	}
	return RecordMessage{day, m.Seq, m.Data}, nil
}

// Info returns what the stream is and holds at present.
func (s *Stream) Info(ctx context.Context) (*jetstream.StreamInfo, error) {
	info, err := jsapi.StreamInfo(ctx, s.caller(), s.name, jsapi.InfoRequest{})
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", s.name, err)
	}
	return info, nil
}

// Recorded names the days that have a record, RejectedDay among them, in no order.
func (s *Stream) Recorded(ctx context.Context) ([]string, error) {
	info, err := jsapi.StreamInfo(ctx, s.caller(), s.name, jsapi.InfoRequest{SubjectsFilter: s.RecordSubject("*")})
	if err != nil {
		return nil, fmt.Errorf("list days of %s: %w", s.name, err)
	}
	days := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		if day := s.dayOf(subject); isDay(day) {
			days = append(days, day)
		}
	}
	return days, nil
}
