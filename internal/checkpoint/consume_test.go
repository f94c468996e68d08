package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
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
	ctx, cancel := context.WithTimeout(s.Context(), bridgetest.Patience)
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

// farShelf is a shelf that is read over a link.
func farShelf(t *testing.T) (s *shelf, link *bridgetest.Link, far *Stream) {
	t.Helper()
	server := bridgetest.Embedded(t)
	link = bridgetest.LinkTo(t, server.ClientURL())
	return newShelfOn(t, server.ClientURL()), link, NewStream(bridgetest.JetStream(t, link.URL()), "SHELF", "shelf", "readings")
}

// TestAReaderThatIsStoppedLeavesNoConsumer, though the server makes it only then: it could take the place of the next reader's.
func TestAReaderThatIsStoppedLeavesNoConsumer(t *testing.T) {
	s, link, far := farShelf(t)
	s.fill(1)
	ctx, stop := context.WithCancel(t.Context())
	link.Before("consumer_create_response", stop)
	if err := far.LastOn(ctx, "shelf.>", func(StoredEvent) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("the reader ends with %v", err)
	}
	s.wantNoConsumer()
}

func (s *shelf) wantNoConsumer() {
	s.Helper()
	if info, err := s.stream.Info(s.Context()); err != nil || info.State.Consumers != 0 {
		s.Errorf("%d consumers are left (%v)", info.State.Consumers, err)
	}
}

// TestAReaderGoesOnOnceTheConnectionIsBack, and waits for nothing that was sent to the one before: it would wait for an hour here.
func TestAReaderGoesOnOnceTheConnectionIsBack(t *testing.T) {
	for name, lost := range map[string]string{"the first message": "$JS.ACK.SHELF.", "one in the middle": "shelf.readings.400 ", "the consumer": "consumer_create_response"} {
		t.Run(name, func(t *testing.T) {
			s, link, far := farShelf(t)
			s.fill(3 * fetchSize)
			far.fetchTime = time.Hour
			link.Before(lost, func() { link.Cut(); link.Mend() })
			var seqs, want []uint64
			s.ok(far.EventsOn(t.Context(), "shelf.>", Since{Seq: 1}, math.MaxUint64, func(e StoredEvent) error { seqs = append(seqs, e.Seq); return nil }))
			for i := range uint64(3 * fetchSize) {
				want = append(want, 100+i)
			}
			if !slices.Equal(seqs, want) {
				t.Errorf("read %d messages, expected each of the %d once and in order", len(seqs), len(want))
			}
			if far.js.Conn().Stats().Reconnects == 0 {
				t.Error("the connection was not lost")
			}
			s.wantNoConsumer()
		})
	}
}

// lagging is a broker on which the first consumers are made on a replica that lacks the newest messages: the first n.
func lagging(t *testing.T, n int32, lacks uint64) (s *shelf, far *Stream) {
	t.Helper()
	url := bridgetest.Embedded(t).ClientURL()
	s = newShelfOn(t, url)
	nc := s.js.Conn()
	_, err := nc.Subscribe("far.>", func(m *nats.Msg) {
		subject := "$JS.API." + strings.TrimPrefix(m.Subject, "far.")
		if !strings.Contains(subject, ".CONSUMER.CREATE.") {
			_ = nc.PublishRequest(subject, m.Reply, m.Data)
			return
		}
		answer, err := nc.Request(subject, m.Data, time.Minute)
		var info map[string]any
		if err == nil {
			err = json.Unmarshal(answer.Data, &info)
		}
		if err != nil {
			t.Errorf("%s: %v", subject, err)
			return
		}
		if pending, _ := info["num_pending"].(float64); n > 0 {
			n--
			info["num_pending"] = max(0, pending-float64(lacks))
		}
		text, _ := json.Marshal(info)
		_ = m.Respond(text)
	})
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.NewWithAPIPrefix(bridgetest.JetStream(t, url).Conn(), "far")
	if err != nil {
		t.Fatal(err)
	}
	return s, NewStream(js, "SHELF", "shelf", "readings")
}

// TestAReaderReadsWhatAReplicaThatLagsDoesNotHave, though its consumer says that it has no more.
func TestAReaderReadsWhatAReplicaThatLagsDoesNotHave(t *testing.T) {
	const all = 20
	for name, read := range map[string]func(ctx context.Context, far *Stream, each func(StoredEvent) error) error{
		"from a sequence": func(ctx context.Context, far *Stream, each func(StoredEvent) error) error {
			return far.EventsOn(ctx, "shelf.readings.>", Since{Seq: 1}, 100+all, each)
		},
		"from a moment": func(ctx context.Context, far *Stream, each func(StoredEvent) error) error {
			return far.EventsOn(ctx, "shelf.readings.>", Since{At: time.Unix(1, 0)}, 100+all, each)
		},
		"the last of each subject": func(ctx context.Context, far *Stream, each func(StoredEvent) error) error {
			return far.LastOnAny(ctx, []string{"shelf.none.>", "shelf.readings.>"}, each)
		},
		"any": func(ctx context.Context, far *Stream, each func(StoredEvent) error) error {
			return far.Events(ctx, Seqs{100, 100 + all}, each)
		},
	} {
		for _, lacks := range []uint64{1, all} {
			t.Run(fmt.Sprintf("%s, %d", name, lacks), func(t *testing.T) {
				s, far := lagging(t, 3, lacks)
				s.fill(all)
				var seqs, want []uint64
				s.ok(read(t.Context(), far, func(e StoredEvent) error { seqs = append(seqs, e.Seq); return nil }))
				for i := range uint64(all) {
					want = append(want, 100+i)
				}
				if !slices.Equal(seqs, want) {
					t.Errorf("read %v", seqs)
				}
				s.wantNoConsumer()
			})
		}
	}
}
