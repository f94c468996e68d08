package publish

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/jsapi"
)

// messagesOn makes n messages on a subject.
func messagesOn(subject string, n int) []*nats.Msg {
	messages := make([]*nats.Msg, n)
	for i := range messages {
		messages[i] = &nats.Msg{Subject: subject, Data: fmt.Append(nil, i), Header: nats.Header{}}
	}
	return messages
}

func TestABatchOfAnySizeThatNobodyAnswersIsUnanswered(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if _, err := js.Conn().Subscribe("deaf", func(*nats.Msg) {}); err != nil { // or NATS would answer that nobody is there
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		b := NewBatches(js, "DEAF")
		b.send.timeout = 100 * time.Millisecond
		if err := b.Store(t.Context(), messagesOn("deaf", n), func(int, uint64) {}); !errors.Is(err, ErrUnanswered) {
			t.Errorf("%d messages: %v, want %v", n, err, ErrUnanswered)
		}
	}
}

func TestAnAnswerThatIsMissedWithoutAConnectionIsNoSlowLink(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	js := bridgetest.JetStream(t, server.ClientURL())
	s := newSender(js, 100*time.Millisecond)
	if err := s.begin(); err != nil {
		t.Fatal(err)
	}
	gone := js.Conn().StatusChanged(nats.RECONNECTING)
	server.Close()
	<-gone
	_, err := s.answer(t.Context(), &batch{})
	if !errors.Is(err, ErrDisconnected) || errors.Is(err, ErrUnanswered) {
		t.Errorf("%v, want %v", err, ErrDisconnected)
	}
}

// TestWhatWasStagedOnAnotherConnectionIsNotCommitted: a record alone would be stored behind an end of the stream that nobody has looked at.
func TestWhatWasStagedOnAnotherConnectionIsNotCommitted(t *testing.T) {
	t.Parallel()
	link := bridgetest.LinkTo(t, bridgetest.Embedded(t).ClientURL())
	js := bridgetest.JetStream(t, link.URL())
	s, alone := newSender(js, time.Hour), &batch{}
	if err := s.begin(); err != nil {
		t.Fatal(err)
	}
	if err := s.stage(alone); err != nil {
		t.Fatal(err)
	}
	back := js.Conn().StatusChanged(nats.CONNECTED)
	link.Cut()
	link.Mend()
	<-back
	if err := s.commit(alone); !errors.Is(err, jsapi.ErrReconnected) {
		t.Errorf("%v, want %v", err, jsapi.ErrReconnected)
	}
}
