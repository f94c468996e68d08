package jsapi_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/jsapi"
)

func TestOnlyJetStreamsAnswersCount(t *testing.T) {
	server := bridgetest.Embedded(t)
	connect := func() *nats.Conn { return bridgetest.Connect(t, server.ClientURL()) }
	stranger := connect()
	if _, err := stranger.Subscribe("$JS.API.>", func(m *nats.Msg) {
		_ = m.Respond([]byte(`{"type":"io.nats.jetstream.api.v1.pub_ack_response","total":9,"streams":["x"]}`))
	}); err != nil {
		t.Fatal(err)
	}
	if err := stranger.Flush(); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(connect())
	if err != nil {
		t.Fatal(err)
	}
	var named atomic.Int64
	caller := jsapi.Caller{JS: js, OnForeignAnswer: func(subject string, _ []byte) {
		if named.Add(1); !strings.HasPrefix(subject, "$JS.API.") {
			t.Errorf("a stranger at %s", subject)
		}
	}}
	ctx := t.Context()
	for range 20 { // who is first differs
		if _, err := jsapi.StreamInfo(ctx, caller, "NONE", jsapi.InfoRequest{}); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Fatalf("a stream that is not there: %v", err)
		}
		if info, err := jsapi.AccountInfo(ctx, caller); err != nil || info.API.Level == 0 {
			t.Fatalf("the account: %+v, %v", info, err)
		}
		config := jetstream.StreamConfig{Name: "ONE", Subjects: []string{"one.>"}}
		if info, err := jsapi.CreateStream(ctx, caller, config); err != nil || info.Config.Name != "ONE" {
			t.Fatalf("create: %+v, %v", info, err)
		}
		config.MaxMsgs = 5
		if _, err := jsapi.CreateStream(ctx, caller, config); !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			t.Fatalf("create another: %v", err)
		}
		for subject, want := range map[string][]string{"one.x": {"ONE"}, "two.x": nil} {
			if names, err := jsapi.StreamNames(ctx, caller, subject); err != nil || !slices.Equal(names, want) {
				t.Fatalf("streams of %s: %q, %v", subject, names, err)
			}
		}
	}
	if named.Load() == 0 {
		t.Error("nobody was named")
	}
}

func TestWithoutJetStreamTheAccountHasNone(t *testing.T) {
	here := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	js, err := jetstream.NewWithDomain(here.Conn(), "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jsapi.AccountInfo(t.Context(), jsapi.Caller{JS: js}); !errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
		t.Errorf("%v", err)
	}
}
