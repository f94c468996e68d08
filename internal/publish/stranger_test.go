package publish_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// answerAll answers every message that wants an answer. Early, it also answers the record of a batch when its first event comes.
func answerAll(t *testing.T, nc *nats.Conn, text string, early bool) {
	t.Helper()
	_, err := nc.Subscribe(">", func(m *nats.Msg) {
		if m.Reply == "" || strings.HasPrefix(m.Subject, "_INBOX.") {
			return
		}
		_ = nc.Publish(m.Reply, []byte(text))
		if id := m.Header.Get("Nats-Batch-Id"); early && id != "" {
			_ = nc.Publish(strings.TrimSuffix(m.Reply, "s"+id)+"c"+id, []byte(text))
		}
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheServersAnswersCount(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a word":                    "+OK",
		"an object":                 "{}",
		"an ack of another stream":  `{"stream":"OTHER","seq":5}`,
		"an ack of another batch":   `{"stream":"SAVERIS_READINGS","seq":5,"batch":"x","count":12}`,
		"an error of no stream":     `{"error":{"code":400,"err_code":10071,"description":"wrong last sequence"}}`,
		"an answer of another kind": `{"type":"io.nats.jetstream.api.v1.pub_ack_response","stream":"x"}`,
	} {
		for when, early := range map[string]bool{"beside the server": false, "before the server": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				server := bridgetest.Embedded(t)
				js := open(t, connect(t, server.ClientURL()))
				answerAll(t, connect(t, server.ClientURL()), text, early)
				var named atomic.Int64
				writer := func() *publish.Writer {
					w := newWriter(js, 0)
					w.Accounts, w.OnForeignAnswer = publish.NewAccounts(js, config, "00112233aabbccdd"), func(string, []byte) { named.Add(1) }
					return w
				}
				w := writer()
				for n := 10; n <= 50; n += 10 {
					commit(t, w, readings(0, n), interval(0, time.Duration(n)*time.Minute))
				}
				commit(t, w, nil, interval(time.Hour, 2*time.Hour)) // a record alone
				again := writer()
				if err := again.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				if result := commit(t, again, readings(0, 60), interval(0, time.Hour)); result.Stored != 10 {
					t.Errorf("stored %d, want 10: the rest is known", result.Stored)
				}
				list, err := checkpoint.NewStream(js, stream, "saveris", string(schema.Readings)).Listing(t.Context(), day)
				if err != nil || len(list.Faults) > 0 || len(list.Entries) != 60 {
					t.Errorf("%d entries, faults %v (%v)", len(list.Entries), list.Faults, err)
				}
				for n := 60; early && named.Load() == 0; n += 500 { // until it was before the server, which takes long for so many
					if commit(t, again, readings(n, n+500), nil); n > 40_000 {
						t.Fatal("nobody is told")
					}
				}
			})
		}
	}
}

// TestABatchThatOnlyAStrangerAnswersIsNotStored: the stream takes it no longer, and somebody else says that all is well.
func TestABatchThatOnlyAStrangerAnswersIsNotStored(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"a word": "+OK", "an object": "{}", "an ack": `{"stream":"OTHER","seq":99}`} {
		t.Run(name, func(t *testing.T) {
			server := bridgetest.Embedded(t)
			js := open(t, connect(t, server.ClientURL()))
			commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
			w := newWriter(js, 500*time.Millisecond)
			edited := config.Stream(schema.Readings)
			edited.Subjects = []string{"other.>"}
			stranger := connect(t, server.ClientURL())
			edit := sync.OnceFunc(func() {
				if _, err := js.UpdateStream(t.Context(), edited); err != nil {
					t.Error(err)
				}
				answerAll(t, stranger, text, true)
			})
			w.Now = func() time.Time { edit(); return noon } // asked for right before a batch is sent
			result, err := w.Commit(t.Context(), day, readings(0, 20), interval(0, 2*time.Minute))
			if err == nil || result.Stored > 0 {
				t.Errorf("%+v, %v: nothing has taken the batch", result, err)
			}
			stranger.Close()
			if _, err := js.UpdateStream(t.Context(), config.Stream(schema.Readings)); err != nil {
				t.Fatal(err)
			}
			commitUntilDone(t, w, readings(0, 20), interval(0, 2*time.Minute))
			checkOnce(t, js, readings(0, 20))
		})
	}
}

// TestStreamsAreReadiedBesideAStranger who answers the same requests as the server, and mostly sooner.
func TestStreamsAreReadiedBesideAStranger(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"a word": "+OK", "an object": "{}", "an ack": `{"stream":"OTHER","seq":99}`} {
		t.Run(name, func(t *testing.T) {
			server := bridgetest.Embedded(t)
			answerAll(t, connect(t, server.ClientURL()), text, false)
			js, err := jetstream.New(connect(t, server.ClientURL()))
			if err != nil {
				t.Fatal(err)
			}
			for { // as run does, for half a minute
				if err := publish.Open(t.Context(), js, config); err == nil {
					break
				} else if errors.Is(err, publish.ErrUnfit) || t.Context().Err() != nil {
					t.Fatal(err)
				}
			}
			commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
		})
	}
}
