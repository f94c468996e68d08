package preflight

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestCheckOfNATSChangesNothing(t *testing.T) {
	t.Parallel()
	s := natsServer(t, &server.Options{JetStream: true})
	env := with("NATS_URL", s.ClientURL())
	out, err := checkNATS(t, env)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wantLines(t, out, "ok connected to", "ok version 2.", "ok on, 0 streams", "info sync_interval", "ok SAVERIS_READINGS", "ok run creates it", "ok bucket saveris-checkpoints", "ok bucket saveris-exports does not exist yet, run creates it",
		"ok bucket saveris-backfills does not exist yet, the first bridge backfill creates it", "ok rights")
	if got := s.NumSubscriptions(); s.GlobalAccount().JetStreamUsage().Streams != 0 {
		t.Errorf("the check made a stream (%d subscriptions)", got)
	}

	c := load(t, env)
	nc, err := natsconn.ConnectNamed(t.Context(), c.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := natsconn.JetStream(nc, c.NATS)
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, pipeline.Broker(c.Streams)); err != nil {
		t.Fatal(err)
	}
	seed.Show(t, js, schema.Readings)
	out, err = checkNATS(t, env)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wantLines(t, out, "ok SAVERIS_READINGS 0 messages", "ok SAVERIS_ALARMS 0 messages", "ok shows the checkpoints")
	stream, err := js.Stream(t.Context(), "SAVERIS_READINGS")
	if err != nil {
		t.Fatal(err)
	}
	if state := stream.CachedInfo().State; state.LastSeq != 0 {
		t.Errorf("the check stored %d messages", state.LastSeq)
	}
}

func TestCheckNamesWhatIsWrongWithAStream(t *testing.T) {
	t.Parallel()
	s := natsServer(t, &server.Options{JetStream: true})
	env := with("NATS_URL", s.ClientURL(), "BRIDGE_PREFIX", "cold")
	c := load(t, env)
	nc, err := natsconn.ConnectNamed(t.Context(), c.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "COLD_READINGS", Subjects: []string{"cold.readings.>"}}); err != nil {
		t.Fatal(err)
	}
	out, err := checkNATS(t, env)
	wantLines(t, out, "FAIL allow_atomic is false")
	if code, advice := hint.Of(err); code != hint.NATS || advice == "" {
		t.Errorf("exit code %d, hint %q", code, advice)
	}
}

func TestCheckSeesWhatTheAccountMayNotDo(t *testing.T) {
	t.Parallel()
	reader := &server.User{Username: "reader", Password: "r", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{"$JS.API.INFO", "$JS.API.STREAM.INFO.>"}},
	}}
	blind := &server.User{Username: "blind", Password: "b", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Deny: []string{"$JS.API.INFO"}},
	}}
	s := natsServer(t, &server.Options{JetStream: true, Users: []*server.User{reader, blind, {Username: "all", Password: "a"}}})
	env := with("NATS_URL", s.ClientURL(), "NATS_USER", "reader", "NATS_PASSWORD", "r")
	out, err := checkNATS(t, env)
	wantLines(t, out, "FAIL SAVERIS_READINGS", "FAIL $JS.API.STREAM.CREATE.SAVERIS_READINGS", "warn bucket saveris-checkpoints $JS.API.STREAM.CREATE.KV_saveris-checkpoints",
		"warn bucket saveris-exports $JS.API.STREAM.CREATE.KV_saveris-exports", "FAIL rights $JS.API.DIRECT.GET.>")
	wantCode(t, err, hint.NATS)

	all := load(t, with("NATS_URL", s.ClientURL(), "NATS_USER", "all", "NATS_PASSWORD", "a"))
	nc, err := natsconn.ConnectNamed(t.Context(), all.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := natsconn.JetStream(nc, all.NATS)
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, pipeline.Broker(all.Streams)); err != nil {
		t.Fatal(err)
	}
	seed.Show(t, js, schema.Readings)
	out, _ = checkNATS(t, env)
	wantLines(t, out, "FAIL let the account publish to saveris-ingest.>", "warn bucket saveris-checkpoints let the account publish to $KV.saveris-checkpoints.>")
	if _, err := publish.OpenRequests(t.Context(), js, pipeline.Broker(all.Streams)); err != nil {
		t.Fatal(err)
	}
	out, _ = checkNATS(t, env)
	wantLines(t, out, "warn bucket saveris-exports let the account publish to $KV.saveris-exports.>")
	out, err = checkNATS(t, with("NATS_URL", s.ClientURL(), "NATS_USER", "blind", "NATS_PASSWORD", "b"))
	wantLines(t, out, "FAIL jetstream let the account publish to $JS.API.INFO")
	wantCode(t, err, hint.NATS)
}

func TestCheckWithoutJetStreamOrServer(t *testing.T) {
	t.Parallel()
	off := natsServer(t, &server.Options{})
	out, err := checkNATS(t, with("NATS_URL", off.ClientURL()))
	wantLines(t, out, "FAIL jetstream", "skip stream SAVERIS_READINGS", "skip bucket saveris-exports", "skip sync_interval")
	if strings.Count(out, "FAIL") != 1 {
		t.Errorf("one cause, but several failures:\n%s", out)
	}
	wantCode(t, err, hint.NATS)
	small := natsServer(t, &server.Options{JetStream: true, MaxPayload: 1000})
	out, err = checkNATS(t, with("NATS_URL", small.ClientURL()))
	wantLines(t, out, "FAIL max_payload 1000 hint: raise max_payload to 1048576")
	wantCode(t, err, hint.NATS)
	secured := natsServer(t, &server.Options{Username: "u", Password: "p"})
	out, _ = checkNATS(t, with("NATS_URL", secured.ClientURL()))
	wantLines(t, out, "FAIL Authorization", "skip jetstream")
}

func TestCheckFailsWhatRunRefuses(t *testing.T) {
	t.Parallel()
	s := natsServer(t, &server.Options{JetStream: true})
	nc, err := natsconn.ConnectNamed(t.Context(), load(t, with("NATS_URL", s.ClientURL())).NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ARCHIVE", Subjects: []string{"cold-ingest.alarms.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "foreign-exports"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value string
		want        []string
		run         string
	}{
		{"BRIDGE_PREFIX", "cold", []string{"ok stream COLD_READINGS", "FAIL stream COLD_ALARMS ARCHIVE BRIDGE_PREFIX"}, "ARCHIVE"},
		{"BRIDGE_REPLICAS", "3", []string{"FAIL stream SAVERIS_READINGS BRIDGE_REPLICAS"}, "replicas"},
		{"BRIDGE_PREFIX", "foreign", []string{"warn bucket foreign-exports ttl is 0s"}, ""},
	} {
		env := with("NATS_URL", s.ClientURL(), c.name, c.value)
		out, err := checkNATS(t, env)
		wantLines(t, out, c.want...)
		_, runErr := MakeStreams(t.Context(), load(t, env), nc)
		if (err == nil) != (runErr == nil) {
			t.Errorf("%s=%s: check gives %v, run gives %v", c.name, c.value, err, runErr)
		}
		if c.run == "" {
			continue
		}
		wantCode(t, err, hint.NATS)
		if code, advice := hint.Of(runErr); code != hint.NATS || advice == "" || !strings.Contains(runErr.Error(), c.run) {
			t.Errorf("%s=%s: run exits with %d, hint %q: %v", c.name, c.value, code, advice, runErr)
		}
	}
}

func TestCheckOfTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), bridgetest.Address(t)
	env := with("BRIDGE_DATA_DIR", dir, "BRIDGE_NATS_LISTEN", addr)
	out, err := checkNATS(t, env)
	if err != nil {
		t.Error(err)
	}
	wantLines(t, out, "ok nats store not checked while it does not run", "ok nats "+addr)
	running, err := natsd.Start(natsd.Config{Dir: dir, Listen: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	out, err = checkNATS(t, with("BRIDGE_DATA_DIR", t.TempDir(), "BRIDGE_NATS_LISTEN", addr))
	wantLines(t, out, "ok nats store", "FAIL nats choose another BRIDGE_NATS_LISTEN")
	wantCode(t, err, hint.NATS)
	out, err = checkNATS(t, with("BRIDGE_DATA_DIR", t.TempDir(), "BRIDGE_NATS_LISTEN", "192.0.2.1:4222"))
	wantLines(t, out, "FAIL nats BRIDGE_NATS_LISTEN address of this machine")
	if code, _ := hint.Of(err); code != hint.Settings || strings.Contains(out, "in use") {
		t.Errorf("an address of nobody: exit code %d\n%s", code, out)
	}
}

func TestCheckLooksAtTheServerOfABridgeThatRuns(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), bridgetest.Address(t)
	running, err := natsd.Start(natsd.Config{Dir: dir, Listen: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	env := with("BRIDGE_DATA_DIR", dir, "BRIDGE_NATS_LISTEN", addr)
	out, err := checkNATS(t, env)
	if err != nil || strings.Contains(out, "skip") || strings.Contains(out, "warn") || streamsOn(t, running) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	wantLines(t, out, "ok nats store a bridge runs on "+dir, "ok connected to "+addr, "ok nats server", "ok on, 0 streams", "ok stream SAVERIS_READINGS run creates it", "ok rights")
	js, stop, err := makeStreams(t.Context(), load(t, with("NATS_URL", running.ClientURL())))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	seed.Store(t, js, schema.Readings, seed.FirstHour(), seed.Reading("a", "7", "1"))
	out, err = checkNATS(t, env)
	if err != nil {
		t.Error(err)
	}
	wantLines(t, out, "ok stream SAVERIS_READINGS 3 messages")
}

// streamsOn counts the streams of a server.
func streamsOn(t *testing.T, s *natsd.Server) int {
	t.Helper()
	js, err := jetstream.New(bridgetest.Connect(t, "", nats.InProcessServer(s)))
	if err != nil {
		t.Fatal(err)
	}
	info, err := js.AccountInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.Streams
}

func TestCheckWarnsOfWhatAStreamPromisesLess(t *testing.T) {
	t.Parallel()
	s := natsServer(t, &server.Options{JetStream: true})
	env := with("NATS_URL", s.ClientURL())
	nc, err := natsconn.ConnectNamed(t.Context(), load(t, env).NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	weak := pipeline.Broker(load(t, env).Streams).Stream("readings")
	weak.Storage, weak.Discard, weak.MaxMsgs, weak.MaxAge, weak.RePublish = jetstream.MemoryStorage, jetstream.DiscardNew, 1000, 24*time.Hour, nil
	if _, err := js.CreateStream(t.Context(), weak); err != nil {
		t.Fatal(err)
	}
	out, err := checkNATS(t, env)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wantLines(t, out, "warn SAVERIS_READINGS memory storage", "warn SAVERIS_READINGS max_age 24h", "warn SAVERIS_READINGS discard new",
		"warn SAVERIS_READINGS republishes no live events nats stream edit SAVERIS_READINGS --force --republish-source='saveris.readings.live.>' --republish-destination='saveris.readings.live.>'", "warn SAVERIS_READINGS raise max_age")
}

func TestCheckLooksAtTheSpaceOfTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := load(t, with("BRIDGE_DATA_DIR", filepath.Join(dir, "not", "there", "yet")))
	var list []check
	for _, one := range natsChecks(s) {
		if one.name == "disk" {
			list = append(list, one)
		}
	}
	for _, c := range []struct {
		free int64
		err  error
		want string
		code int
	}{
		{1 << 40, nil, "ok disk 1099.5 GB free " + s.DataDir, hint.Done},
		{1<<30 - 1, nil, "warn disk 1.1 GB free BRIDGE_MAX_AGE", hint.Done},
		{-1, nil, "info disk does not say", hint.Done},
		{17, &natsd.FullError{Dir: dir, Free: 17}, "FAIL disk store " + dir + ": no space left, 17 bytes free hint: free some space", hint.NATS},
	} {
		var out strings.Builder
		err := run(t.Context(), Config{Settings: s, Space: func(asked string) (int64, error) {
			if asked != dir {
				t.Errorf("asked for %s", asked)
			}
			return c.free, c.err
		}}, list, printTo(&out))
		wantLines(t, out.String(), c.want)
		wantCode(t, err, c.code)
	}
}

func TestCheckWarnsOfAnOpenServer(t *testing.T) {
	t.Parallel()
	out, err := checkNATS(t, with("BRIDGE_DATA_DIR", t.TempDir(), "BRIDGE_NATS_LISTEN", ":0"))
	wantLines(t, out, "warn nats asks nobody who he is")
	if err != nil {
		t.Error(err)
	}
}
