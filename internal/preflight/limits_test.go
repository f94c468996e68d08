package preflight

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// demanding starts a server with an account that has these JetStream limits.
func demanding(t *testing.T, limits string) (url string) {
	t.Helper()
	o, err := server.ProcessConfigFile(file(t, fmt.Sprintf(
		"jetstream {}\naccounts { COLD { jetstream { max_mem: 64MB, %s }, users: [ { user: u, password: p } ] } }\n", limits)))
	if err != nil {
		t.Fatal(err)
	}
	return natsServer(t, o).ClientURL()
}

func TestASizeLimitThatTheAccountDemandsIsNamed(t *testing.T) {
	t.Parallel()
	url := demanding(t, "max_file: 2GB, max_bytes_required: true")
	for _, c := range []struct {
		value string
		want  []string
		fails bool
	}{
		{"", []string{"FAIL stream SAVERIS_READINGS size limit hint: BRIDGE_MAX_BYTES"}, true},
		{"10GB", []string{"FAIL stream SAVERIS_READINGS room BRIDGE_MAX_BYTES"}, true},
		{"1500MB", []string{"ok stream SAVERIS_READINGS", "FAIL stream SAVERIS_ALARMS room BRIDGE_MAX_BYTES"}, true},
		{"256MiB", []string{"ok stream SAVERIS_READINGS run creates it", "ok stream SAVERIS_ALARMS run creates it", "ok bucket saveris-exports"}, false},
	} {
		env := with("NATS_URL", url, "NATS_USER", "u", "NATS_PASSWORD", "p", "BRIDGE_MAX_BYTES", c.value)
		out, err := checkNATS(t, env)
		wantLines(t, out, c.want...)
		s := load(t, env)
		nc, connectErr := natsconn.ConnectNamed(t.Context(), s.NATS, quiet)
		if connectErr != nil {
			t.Fatal(connectErr)
		}
		defer nc.Close()
		js, jsErr := jetstream.New(nc)
		if jsErr != nil {
			t.Fatal(jsErr)
		}
		_, runErr := MakeStreams(t.Context(), s, nc)
		for who, err := range map[string]error{"check": err, "run": runErr} {
			if code, advice := hint.Of(err); (err != nil) != c.fails || c.fails && (code != hint.NATS || advice == "") {
				t.Errorf("%q: %s: exit code %d, hint %q: %v", c.value, who, code, advice, err)
			}
		}
		if _, advice := hint.Of(runErr); c.fails && !strings.Contains(advice, "BRIDGE_MAX_BYTES") {
			t.Errorf("%q: run's hint is %q", c.value, advice)
		}
		if account, err := js.AccountInfo(t.Context()); c.fails && (err != nil || account.Streams > 0) {
			t.Errorf("%q: a start that was refused has made %d streams (%v)", c.value, account.Streams, err)
		}
	}
}

// TestTooFewStreamsAreNamedBeforeAnyIsMade: buckets are streams, too, and run does without them.
func TestTooFewStreamsAreNamedBeforeAnyIsMade(t *testing.T) {
	t.Parallel()
	const streams, buckets = 5, 7 // as the hint says
	for most, want := range map[int][]string{
		4:                 {"ok stream SAVERIS_DEVICES", "FAIL stream SAVERIS_HEALTH allows no more streams hint: raise max_streams 5 streams and 7 buckets"},
		streams + 2:       {"ok stream SAVERIS_HEALTH", "ok bucket saveris-inventory", "warn bucket saveris-latest allows no more streams hint: raise max_streams"},
		streams + buckets: {"ok stream SAVERIS_HEALTH", "ok bucket saveris-backfills"},
	} {
		env := with("NATS_URL", demanding(t, fmt.Sprintf("max_streams: %d", most)), "NATS_USER", "u", "NATS_PASSWORD", "p")
		out, err := checkNATS(t, env)
		wantLines(t, out, want...)
		js, stop, runErr := makeStreams(t.Context(), load(t, env))
		for who, err := range map[string]error{"check": err, "run": runErr} {
			code, advice := hint.Of(err)
			if few := most < streams; (err != nil) != few || few && (code != hint.NATS || advice == "") {
				t.Errorf("%d: %s: exit code %d, hint %q: %v", most, who, code, advice, err)
			}
		}
		if runErr == nil {
			if account, err := js.AccountInfo(t.Context()); err != nil || account.Streams != streams {
				t.Errorf("%d: %d streams (%v)", most, account.Streams, err)
			}
			for i := range most - streams {
				if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: fmt.Sprint("b", i)}); err != nil {
					t.Error(err)
				}
			}
			if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "more"}); !strings.HasPrefix(natsconn.Hint(err), "raise max_streams") {
				t.Errorf("%d: hint %q: %v", most, natsconn.Hint(err), err)
			}
			stop()
		}
	}
	if b := pipeline.Broker(load(t, with()).Streams); len(publish.StreamFeeds) != streams || len(optionalBuckets(b)) != buckets {
		t.Errorf("%d streams and %d buckets", len(publish.StreamFeeds), len(optionalBuckets(b)))
	}
}

func TestCheckSaysWhatAnUncompressedStreamCosts(t *testing.T) {
	t.Parallel()
	env := with("NATS_URL", natsServer(t, &server.Options{JetStream: true}).ClientURL())
	js, stop, err := makeStreams(t.Context(), load(t, env))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s, err := js.Stream(t.Context(), "SAVERIS_ALARMS")
	if err != nil {
		t.Fatal(err)
	}
	plain := s.CachedInfo().Config
	plain.Compression = jetstream.NoCompression
	if _, err := js.UpdateStream(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	out, err := checkNATS(t, env)
	if err != nil {
		t.Error(err)
	}
	wantLines(t, out, "ok stream SAVERIS_READINGS", "warn stream SAVERIS_ALARMS not compressed 1,150 217 hint: nats stream edit SAVERIS_ALARMS --compression=s2 -f")
}

// TestCheckNamesAStreamThatMayHaveTooFewConsumers with what it has, what the bridge needs and how that is changed.
func TestCheckNamesAStreamThatMayHaveTooFewConsumers(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, natsServer(t, &server.Options{JetStream: true}).ClientURL())
	env := with("NATS_URL", js.Conn().ConnectedUrl())
	broker := pipeline.Broker(load(t, env).Streams)
	for _, feed := range publish.StreamFeeds {
		want := broker.Stream(feed)
		switch feed {
		case schema.Readings:
			want.MaxConsumers = publish.MinConsumers
		case schema.Alarms:
			want.MaxConsumers = publish.MinConsumers - 1
		}
		if _, err := js.CreateStream(t.Context(), want); err != nil {
			t.Fatal(err)
		}
	}
	others := func(n int) {
		t.Helper()
		for range n {
			if _, err := js.CreateConsumer(t.Context(), "SAVERIS_READINGS", jetstream.ConsumerConfig{InactiveThreshold: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
	}
	others(publish.MinConsumers - publish.SpareConsumers)
	out, err := checkNATS(t, env)
	wantLines(t, out, "FAIL stream SAVERIS_ALARMS max_consumers is 9 at least 10 hint: nats stream edit SAVERIS_ALARMS --force --max-consumers=10", "ok stream SAVERIS_READINGS")
	wantCode(t, err, hint.NATS)
	others(1)
	alarms := broker.Stream(schema.Alarms)
	alarms.MaxConsumers = publish.MinConsumers // as the hint says
	if _, err := js.UpdateStream(t.Context(), alarms); err != nil {
		t.Fatal(err)
	}
	out, err = checkNATS(t, env)
	wantCode(t, err, 0)
	wantLines(t, out, "ok stream SAVERIS_ALARMS")
	wantLines(t, out, "warn stream SAVERIS_READINGS 7 of the 10 consumers max_consumers leaves the bridge 4 hint: nats consumer ls SAVERIS_READINGS raise max_consumers")
}

func TestCheckWarnsOfCompressedReplicas(t *testing.T) {
	t.Parallel()
	nc := bridgetest.Connect(t, natsServer(t, &server.Options{JetStream: true}).ClientURL())
	c := &checkup{settings: load(t, with("NATS_URL", nc.ConnectedUrl(), "BRIDGE_REPLICAS", "3")), target: target{nc: nc}}
	c.broker = pipeline.Broker(c.settings.Streams)
	stream := c.broker.Stream("readings")
	if f := c.streamAdvice("readings", stream, jetstream.StreamState{}); f.State != OK {
		t.Errorf("as the bridge creates it: %+v", f)
	}
	stream.Compression = jetstream.S2Compression
	f := c.streamAdvice("readings", stream, jetstream.StreamState{})
	wantLines(t, f.String(), "warn compressed with 3 replicas 2.15 s2: corrupt input hint: nats stream edit SAVERIS_READINGS --compression=none -f")
}

func TestCheckSaysWhetherEventsCanBeRemoved(t *testing.T) {
	t.Parallel()
	url := natsServer(t, &server.Options{JetStream: true}).ClientURL()
	env := with("NATS_URL", url)
	_, stop, err := makeStreams(t.Context(), load(t, env))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	out, _ := checkNATS(t, env)
	wantLines(t, out, "info immutable SAVERIS_READINGS, SAVERIS_ALARMS can be deleted and purged")
	out, _ = checkNATS(t, with("NATS_URL", url, "BRIDGE_IMMUTABLE", "true"))
	wantLines(t, out, "warn immutable SAVERIS_READINGS, SAVERIS_ALARMS hint: nats stream edit --deny-delete --deny-purge -f")
	js := bridgetest.JetStream(t, url)
	for { // the hints are done, one after the other
		hint := regexp.MustCompile(`nats stream edit (\S+)( --deny-delete)?( --deny-purge)? -f`).FindStringSubmatch(out)
		if hint == nil {
			break
		}
		info, err := js.Stream(t.Context(), hint[1])
		if err != nil {
			t.Fatal(err)
		}
		edited := info.CachedInfo().Config
		edited.DenyDelete, edited.DenyPurge = hint[2] != "", hint[3] != ""
		if _, err := js.UpdateStream(t.Context(), edited); err != nil {
			t.Fatalf("%s: %v", hint[0], err)
		}
		out, _ = checkNATS(t, with("NATS_URL", url, "BRIDGE_IMMUTABLE", "true"))
	}
	wantLines(t, out, "ok immutable SAVERIS_READINGS, SAVERIS_ALARMS nothing can be deleted or purged")
	env = with("NATS_URL", url, "BRIDGE_IMMUTABLE", "true", "BRIDGE_PREFIX", "cold")
	out, _ = checkNATS(t, env)
	wantLines(t, out, "ok immutable run creates streams from which nothing can be deleted or purged")
	_, stop, err = makeStreams(t.Context(), load(t, env))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	out, _ = checkNATS(t, with("NATS_URL", url, "BRIDGE_PREFIX", "cold"))
	wantLines(t, out, "ok immutable COLD_READINGS, COLD_ALARMS nothing can be deleted or purged")
}

func TestCheckSaysHowFullAStreamIs(t *testing.T) {
	t.Parallel()
	env := with("NATS_URL", natsServer(t, &server.Options{JetStream: true}).ClientURL(), "BRIDGE_MAX_BYTES", "64MB")
	js, stop, err := makeStreams(t.Context(), load(t, env))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	fill := func(messages int) {
		t.Helper()
		for range messages {
			if _, err := js.Publish(t.Context(), "saveris-ingest.readings.x", make([]byte, 800_000)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(8)
	out, err := checkNATS(t, env)
	if err != nil {
		t.Error(err)
	}
	wantLines(t, out, "ok stream SAVERIS_READINGS 8 messages 10 % of max_bytes")
	fill(80)
	out, _ = checkNATS(t, env)
	wantLines(t, out, "warn stream SAVERIS_READINGS max_bytes full oldest hint: raise max_bytes BRIDGE_REVISIT")
}

func TestCheckSaysWhatSyncAlwaysCosts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version      string
		seen, always bool
		want         string
	}{
		{"2.15.2", true, true, "ok always"},
		{"2.12.1", true, true, "warn always 2.12.1 eight times slower hint: 2.15"},
		{"2.15.2", true, false, "warn two minutes hint: sync_interval: always"},
		{"2.14.10", true, false, "warn two minutes hint: full speed 2.15"},
		{"2.15.2", false, false, "info cannot be seen survives"},
		{"2.14.10", false, false, "info cannot be seen survives 2.14.10 full speed 2.15"},
	} {
		wantLines(t, syncFinding(c.version, c.seen, c.always).String(), c.want)
	}
}

// TestAnAnswerThatDoesNotComeIsNoWantOfRights: a server that is too busy to list its streams has not forbidden it.
func TestAnAnswerThatDoesNotComeIsNoWantOfRights(t *testing.T) {
	t.Parallel()
	link := bridgetest.LinkTo(t, bridgetest.Embedded(t).ClientURL())
	js := bridgetest.JetStream(t, link.URL())
	account, err := jsapi.AccountInfo(t.Context(), jsapi.Caller{JS: js})
	if err != nil {
		t.Fatal(err)
	}
	settings := load(t, with("NATS_URL", js.Conn().ConnectedUrl()))
	c := &checkup{settings: settings, account: account, target: target{nc: js.Conn(), js: js, broker: pipeline.Broker(settings.Streams)}}
	link.DeafenAt("stream_names_response")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if f := c.newStream(ctx, schema.Readings); !errors.Is(f.Err, context.DeadlineExceeded) {
		t.Errorf("%q, %v, want that the server has not answered", f.Text, f.Err)
	}
}
