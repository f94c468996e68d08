package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// starts is how often run is started on each broker: the second time on what the first has left.
const starts = 2

// limitedBroker is a broker as an operator may have it.
type limitedBroker struct {
	config  string                // of nats-server, besides its address and store
	login   string                // user:password@, empty = none is asked for
	creds   func(*jwt.UserClaims) // of the user, where an operator makes them; nil = nobody does
	env     []string              // settings of the bridge besides the broker's address
	prepare func(*site)           // what is there already; nil = nothing
	names   string                // what check and run refuse, "" = both are well
	warns   string                // what check has in a line after the starts though it is well
	unseen  bool                  // check sees it only once run has made the streams
}

// site is a broker that was started, with the streams that a bridge would make.
type site struct {
	*testing.T
	url    string
	access []nats.Option
	js     jetstream.JetStream
	config publish.Config
}

// make creates the streams of both feeds as a bridge would, but for a change of that of readings.
func (s *site) make(change func(*jetstream.StreamConfig)) {
	s.Helper()
	for _, feed := range publish.Feeds {
		want := s.config.Stream(feed)
		if feed == schema.Readings && change != nil {
			change(&want)
		}
		if _, err := s.js.CreateStream(s.Context(), want); err != nil {
			s.Fatal(err)
		}
	}
}

// made is a broker on which a bridge has made its streams, but for a change of that of readings.
func made(change func(*jetstream.StreamConfig)) func(*site) {
	return func(s *site) { s.make(change) }
}

// edited is a broker whose operator has edited the stream of readings.
func edited(change func(*jetstream.StreamConfig)) func(*site) {
	return func(s *site) {
		s.make(nil)
		have := s.config.Stream(schema.Readings)
		change(&have)
		if _, err := s.js.UpdateStream(s.Context(), have); err != nil {
			s.Fatal(err)
		}
	}
}

// strayed is a broker on which somebody else has stored a message in the stream of readings.
func strayed(msg *nats.Msg) func(*site) {
	return func(s *site) {
		s.make(nil)
		if _, err := s.js.PublishMsg(s.Context(), msg); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *site) dial() *nats.Conn {
	s.Helper()
	return bridgetest.Connect(s, s.url, s.access...)
}

// stored counts the messages of all streams and buckets.
func (s *site) stored() (n uint64) {
	s.Helper()
	list := s.js.ListStreams(s.Context())
	for info := range list.Info() {
		n += info.State.Msgs
	}
	if err := list.Err(); err != nil {
		s.Fatal(err)
	}
	return n
}

const (
	jetStreamOn   = "jetstream {}\n"
	accountLimits = "jetstream {}\naccounts { COLD { jetstream { max_mem: 64MB, max_file: 2GB, %s }, users: [ { user: u, password: p } ] } }\n"
)

func limited(limits string) string { return "jetstream { limits { " + limits + " } }\n" }

var strayDay = time.Now().UTC().Format(time.DateOnly)

var limitedBrokers = map[string]limitedBroker{
	"as it comes":                                 {config: jetStreamOn},
	"max_request_batch":                           {config: limited("max_request_batch: 7")},
	"duplicate_window":                            {config: limited(`duplicate_window: "30s"`)},
	"batch.max_inflight_per_stream":               {config: limited("batch { max_inflight_per_stream: 1 }")},
	"batch.timeout":                               {config: limited("batch { timeout: 1s }")},
	"batch.max_msgs":                              {config: limited("batch { max_msgs: 3 }")},
	"max_consumers of the stream":                 {config: jetStreamOn, prepare: made(func(c *jetstream.StreamConfig) { c.MaxConsumers = publish.MinConsumers - 1 }), names: "max_consumers"},
	"enough max_consumers":                        {config: jetStreamOn, prepare: made(func(c *jetstream.StreamConfig) { c.MaxConsumers = publish.MinConsumers })},
	"inactive_threshold":                          {config: jetStreamOn, prepare: made(func(c *jetstream.StreamConfig) { c.ConsumerLimits.InactiveThreshold = publish.MinIdle - time.Second }), names: "inactive_threshold"},
	"enough inactive_threshold":                   {config: jetStreamOn, prepare: made(func(c *jetstream.StreamConfig) { c.ConsumerLimits.InactiveThreshold = publish.MinIdle })},
	"max_consumers of the account":                {config: fmt.Sprintf(accountLimits, "max_consumers: 9"), login: "u:p@", names: "max_consumers"},
	"enough of the account's":                     {config: fmt.Sprintf(accountLimits, "max_consumers: 10"), login: "u:p@"},
	"max_bytes_required":                          {config: fmt.Sprintf(accountLimits, "max_bytes_required: true"), login: "u:p@", names: "size limit"},
	"max_bytes_required, given":                   {config: fmt.Sprintf(accountLimits, "max_bytes_required: true"), login: "u:p@", env: []string{"BRIDGE_MAX_BYTES=256MiB"}},
	"no room for BRIDGE_MAX_BYTES":                {config: fmt.Sprintf(accountLimits, "max_bytes_required: true"), login: "u:p@", env: []string{"BRIDGE_MAX_BYTES=1500MB"}, names: "room"},
	"max_payload of the server":                   {config: "max_payload: 65536\n" + jetStreamOn, names: "max_payload"},
	"max_payload of the account":                  {config: "jetstream {}\naccounts { COLD { jetstream: enabled, limits { max_payload: 65536 }, users: [ { user: u, password: p } ] } }\n", login: "u:p@", names: "max_payload"},
	"a stray event":                               {config: jetStreamOn, prepare: strayed(&nats.Msg{Subject: "saveris-ingest.readings.live.hello", Data: []byte("hello")}), warns: "sequence 1 on saveris.readings.live.hello"},
	"a stray index":                               {config: jetStreamOn, prepare: strayed(&nats.Msg{Subject: "saveris-ingest.index.readings." + strayDay, Data: make([]byte, checkpoint.EntrySize)}), warns: "sequence 1 on saveris.index"},
	"a stray record":                              {config: jetStreamOn, prepare: strayed(&nats.Msg{Subject: "saveris-ingest.checkpoints.readings." + strayDay, Data: []byte("{}")}), warns: "sequence 1 on saveris.checkpoints"},
	"a stray rejected row":                        {config: jetStreamOn, prepare: strayed(&nats.Msg{Subject: "saveris-ingest.rejected.readings", Data: []byte("x")}), warns: "sequence 1 on saveris.rejected"},
	"a deletion marker":                           {config: jetStreamOn, prepare: strayed(&nats.Msg{Subject: "saveris-ingest.checkpoints.readings." + strayDay, Header: nats.Header{"KV-Operation": {"DEL"}}}), warns: "sequence 1 on saveris.checkpoints"},
	"allow_atomic switched off":                   {config: jetStreamOn, prepare: edited(func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }), names: "allow_atomic"},
	"made without allow_atomic":                   {config: jetStreamOn, prepare: made(func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }), names: "allow_atomic"},
	"a subject less":                              {config: jetStreamOn, prepare: edited(func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:3] }), names: "subjects saveris-ingest.checkpoints.readings.> are missing"},
	"no transform":                                {config: jetStreamOn, prepare: edited(func(c *jetstream.StreamConfig) { c.SubjectTransform, c.RePublish = nil, nil }), names: "subject transform is none"},
	"max_payload of the user":                     {creds: func(c *jwt.UserClaims) { c.Limits.Payload = 65536 }, names: "max_payload"},
	"default_max_consumers":                       {config: limited("default_max_consumers: 1")},
	"batch.max_msgs under three":                  {config: limited("batch { max_msgs: 2 }"), prepare: made(nil), names: "max_msgs"},
	"batch.max_msgs under three, without streams": {config: limited("batch { max_msgs: 2 }"), names: "max_msgs", unseen: true},
	"a stream of counters":                        {config: jetStreamOn, prepare: made(func(c *jetstream.StreamConfig) { c.AllowMsgCounter = true }), names: "allow_msg_counter"},
	"a domain":                                    {config: "jetstream { domain: hub }\n", env: []string{"NATS_JS_DOMAIN=hub"}},
}

// TestCheckAndRunAgreeOnEveryBroker: either check is well and every start stores, or both refuse, by the same name, and nothing is stored.
func TestCheckAndRunAgreeOnEveryBroker(t *testing.T) {
	t.Parallel()
	vendor, err := saveristest.Start(saveristest.Config{World: saveristest.World{Sites: 1, Loggers: 1, Channels: 1, Cycle: time.Minute}, Switches: saveristest.Switches{QueryLatency: "zero"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	for name, broker := range limitedBrokers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, env := broker.start(t, vendor.URL())
			first := broker
			if broker.unseen {
				first.names = ""
			}
			first.check(t, env, "")
			for range starts {
				if broker.run(t, env); t.Failed() {
					return
				}
			}
			broker.check(t, env, broker.warns)
			if broker.names != "" && s.stored() > 0 {
				t.Errorf("%d messages were stored", s.stored())
			}
		})
	}
}

// start starts the broker, and returns it with the environment of a bridge.
func (b limitedBroker) start(t *testing.T, vendor string) (s *site, env []string) {
	t.Helper()
	o, err := server.ProcessConfigFile(file(t, b.config))
	if err != nil {
		t.Fatal(err)
	}
	var access []nats.Option
	if b.creds != nil {
		op := bridgetest.NewOperator(t)
		path := file(t, op.Creds(t, b.creds))
		o, env, access = op.Options(t), []string{"NATS_CREDS=" + path}, []nats.Option{nats.UserCredentials(path)}
		o.JetStream = true
	}
	url := strings.Replace(natsServer(t, o).ClientURL(), "nats://", "nats://"+b.login, 1)
	s = &site{T: t, url: url, access: access, config: publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}}
	env = append(append(env, "NATS_URL="+url, "SAVERIS_URL="+vendor, "SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo", "BRIDGE_HTTP_ADDR=", "BRIDGE_START=30m",
		"BRIDGE_POLL_INTERVAL=1s", "BRIDGE_LOG_FORMAT=json"), b.env...)
	if s.js, err = jetstream.New(s.dial()); err != nil {
		t.Fatal(err)
	}
	if b.prepare != nil {
		b.prepare(s)
	}
	return s, env
}

// check wants bridge check to be well, with a warning where there is one, or to refuse what the broker is named for.
func (b limitedBroker) check(t *testing.T, env []string, warns string) {
	t.Helper()
	var out, log bytes.Buffer
	code := execute(t.Context(), []string{"check"}, streamsOf(env, &out, &log))
	switch {
	case b.names != "":
		wantLines(t, out.String(), "FAIL "+b.names+" hint:")
		if code != hint.NATS {
			t.Errorf("check: exit code %d", code)
		}
	case code != hint.Done || strings.Contains(out.String(), "FAIL"):
		t.Errorf("check: exit code %d\n%s%s", code, &out, &log)
	case warns != "":
		wantLines(t, out.String(), "warn "+warns)
	}
}

// run wants bridge run to store both feeds, or to refuse what the broker is named for.
func (b limitedBroker) run(t *testing.T, env []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bridgetest.Patience) // a consumer that nobody deleted takes the only place for half a minute
	defer cancel()
	log := &awaited{end: cancel, missing: storedByBoth()}
	code := execute(ctx, []string{"run"}, streamsOf(env, log, log))
	_, cause, _ := strings.Cut(asText(log.String()), "error: ")
	switch {
	case b.names == "" && (code != hint.Done || len(log.missing) > 0):
		t.Errorf("run: exit code %d, the log lacks %q\n%s", code, log.missing, log.String())
	case b.names != "" && (code != hint.NATS || !strings.Contains(cause, b.names)):
		t.Errorf("run: exit code %d, want %q\n%s", code, b.names, log.String())
	}
}
