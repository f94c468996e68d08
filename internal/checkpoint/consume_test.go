package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/jsapi"
)

// disturbances are what may befall a consumer while it is read.
var disturbances = map[string]func(*shelf, string){
	"dropped":               func(s *shelf, consumer string) { s.ok(s.js.DeleteConsumer(s.Context(), "SHELF", consumer)) },
	"messages of it lost":   (*shelf).lose,
	"dropped, more arrives": func(s *shelf, consumer string) { s.ok(s.js.DeleteConsumer(s.Context(), "SHELF", consumer)); s.fill(1) },
}

func (s *shelf) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// fill stores n messages on subjects of their own.
func (s *shelf) fill(n int) {
	s.Helper()
	for i := range n {
		s.put(fmt.Sprintf("shelf.readings.%d", i), nil, []byte("x"))
	}
}

// lose has the next message of a consumer delivered to somebody else, as to a connection that is lost.
func (s *shelf) lose(consumer string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	_, err := s.js.Conn().RequestWithContext(ctx, jsapi.Subject(s.js.Options(), "CONSUMER.MSG.NEXT.SHELF."+consumer), nil)
	s.ok(err)
}

// disturb returns what calls disturb with the stream's only consumer once so many messages have been read.
func (s *shelf) disturb(after int, disturb func(*shelf, string), seqs *[]uint64) func(seq uint64) error {
	return func(seq uint64) error {
		if *seqs = append(*seqs, seq); len(*seqs) == after {
			stream, err := s.js.Stream(s.Context(), "SHELF")
			s.ok(err)
			for consumer := range stream.ConsumerNames(s.Context()).Name() {
				disturb(s, consumer)
			}
		}
		return nil
	}
}

func TestAReaderOutlivesItsConsumer(t *testing.T) {
	for name, disturbance := range disturbances {
		for _, reader := range []struct {
			name string
			read func(s *shelf, at Seqs, each func(seq uint64) error) error
		}{
			{"from a sequence", func(s *shelf, at Seqs, each func(seq uint64) error) error {
				return s.stream.EventsOn(s.Context(), "shelf.>", Since{Seq: at.From}, at.Until, func(e StoredEvent) error { return each(e.Seq) })
			}},
			{"from a moment", func(s *shelf, at Seqs, each func(seq uint64) error) error {
				return s.stream.EventsOn(s.Context(), "shelf.>", Since{At: time.Unix(1, 0)}, at.Until, func(e StoredEvent) error { return each(e.Seq) })
			}},
		} {
			t.Run(name+", "+reader.name, func(t *testing.T) {
				s := newShelf(t)
				s.fill(3 * fetchSize)
				at := Seqs{100, 100 + 3*fetchSize - 10}
				var seqs, want []uint64
				s.ok(reader.read(s, at, s.disturb(fetchSize, disturbance, &seqs)))
				for seq := at.From; seq < at.Until; seq++ {
					want = append(want, seq)
				}
				if !slices.Equal(seqs, want) {
					t.Errorf("read %d messages, expected each of the %d once and in order", len(seqs), len(want))
				}
			})
		}
	}
}

func TestTheLastOfEachSubjectIsReadThoughTheConsumerIsDropped(t *testing.T) {
	for name, disturbance := range disturbances {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			s.fill(3 * fetchSize)
			newest := map[string]uint64{}
			var seqs []uint64
			disturb := s.disturb(fetchSize, disturbance, &seqs)
			s.ok(s.stream.LastOn(t.Context(), "shelf.>", func(e StoredEvent) error {
				newest[e.Subject] = e.Seq
				return disturb(e.Seq)
			}))
			if len(newest) != 3*fetchSize || !slices.IsSorted(seqs) {
				t.Errorf("read %d subjects, in order: %t, expected %d", len(newest), slices.IsSorted(seqs), 3*fetchSize)
			}
			if m, err := s.stream.message(t.Context(), map[string]any{"last_by_subj": "shelf.>"}); err != nil || newest[m.Subject] != m.Seq {
				t.Errorf("read %s as of sequence %d, expected %d (%v)", m.Subject, newest[m.Subject], m.Seq, err)
			}
		})
	}
}

func TestMessagesThatWereRemovedMeanwhileAreMissed(t *testing.T) {
	s := newShelf(t)
	s.fill(3 * fetchSize)
	stream, err := s.js.Stream(t.Context(), "SHELF")
	s.ok(err)
	var seqs []uint64
	each := s.disturb(fetchSize, func(s *shelf, consumer string) {
		s.ok(s.js.DeleteConsumer(t.Context(), "SHELF", consumer))
		s.ok(stream.Purge(t.Context(), jetstream.WithPurgeSequence(100+2*fetchSize)))
	}, &seqs)
	err = s.stream.EventsOn(t.Context(), "shelf.>", Since{Seq: 100}, math.MaxUint64, func(e StoredEvent) error { return each(e.Seq) })
	if err == nil {
		t.Errorf("read %d messages without an error, though %d more had been removed", len(seqs), fetchSize)
	}
}

// TestAReaderThatIsStoppedLeavesNoConsumer, though the server makes it only then: it could take the place of the next reader's.
func TestAReaderThatIsStoppedLeavesNoConsumer(t *testing.T) {
	server := bridgetest.Embedded(t)
	link, err := bridgetest.NewLink(strings.TrimPrefix(server.ClientURL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	js := bridgetest.JetStream(t, server.ClientURL())
	made, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SHELF", Subjects: []string{"shelf.>"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{T: t, js: js}
	s.fill(1)
	ctx, stop := context.WithCancel(t.Context())
	link.Before("consumer_create_response", stop)
	far := NewStream(bridgetest.JetStream(t, "nats://"+link.Addr()), "SHELF", "shelf", "readings")
	if err := far.LastOn(ctx, "shelf.>", func(StoredEvent) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("the reader ends with %v", err)
	}
	if info, err := made.Info(t.Context()); err != nil || info.State.Consumers != 0 {
		t.Errorf("%d consumers are left (%v)", info.State.Consumers, err)
	}
}
