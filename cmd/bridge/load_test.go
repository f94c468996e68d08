package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
)

func load(t *testing.T, env config.Lookup) config.Settings {
	t.Helper()
	s, err := config.Load(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	s.FirstPoll = quickPoll
	return s
}

func TestSizesReachTheStreams(t *testing.T) {
	t.Parallel()
	s := load(t, with("BRIDGE_MAX_BYTES", "1GiB", "BRIDGE_IMMUTABLE", "true"))
	if streams := pipeline.Broker(s.Streams); streams.MaxBytes != 1<<30 || !streams.Immutable {
		t.Errorf("streams are made with %+v", streams)
	}
}

func TestSecretsAreNeverLogged(t *testing.T) {
	t.Parallel()
	const hidden = "s3cr3t"
	s := load(t, with("SAVERIS_PASSWORD", hidden, "NATS_URL", "nats://127.0.0.1:1", "NATS_USER", "u", "NATS_PASSWORD", hidden))
	var log strings.Builder
	newLogger(s.Log, &log).Info("settings", "all", s, "one", s.SaverisPassword)
	s.LogFormat = "text"
	newLogger(s.Log, &log).Info("settings", "all", s, "one", s.SaverisPassword)
	if strings.Contains(log.String(), hidden) {
		t.Errorf("the log shows the secret: %s", &log)
	}
	got := bridge(t, []string{"SAVERIS_USERNAME=u", "SAVERIS_PASSWORD=" + hidden, "NATS_URL=nats://u:" + hidden + "@127.0.0.1:x"}, "run")
	if got.code != hint.Settings || strings.Contains(got.err+got.out, hidden) {
		t.Errorf("the command shows the secret or exits with %d: %s", got.code, got.err)
	}
}

func TestACutURLIsSaid(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	env := []string{"SAVERIS_URL=" + v.URL() + "/v1", "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "BRIDGE_NATS_LISTEN=127.0.0.1:0", "BRIDGE_HTTP_ADDR="}
	got := bridge(t, env, "check")
	wantLines(t, got.out, "warn settings SAVERIS_URL /v1 "+v.URL(), "ok vendor login accepted by "+v.URL())
	if got.code != hint.Done {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
}

// TestAHostThatDoesNotResolveNamesWhatMadeItsName asks for a name that Go's resolver refuses by itself, without a network.
func TestAHostThatDoesNotResolveNamesWhatMadeItsName(t *testing.T) {
	t.Parallel()
	env := []string{"GODEBUG=netdns=go", "SAVERIS_URL=https://vendor..example", "SAVERIS_USERNAME=a", "SAVERIS_PASSWORD=b", "BRIDGE_NATS_LISTEN=127.0.0.1:0", "BRIDGE_HTTP_ADDR="}
	got := bridge(t, env, "check")
	for _, want := range []string{"vendor..example", "does not resolve", "SAVERIS_REGION", "SAVERIS_ENV", "SAVERIS_URL", "DNS"} {
		wantLines(t, got.out, "FAIL vendor login "+want)
	}
}

func TestARefusedPasswordInQuotationMarksHasAHint(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	out, _ := checkVendor(t, with("SAVERIS_URL", v.URL(), "SAVERIS_PASSWORD", `"hunter2"`))
	wantLines(t, out, "FAIL vendor login SAVERIS_PASSWORD quotation marks")
	out, _ = checkVendor(t, with("SAVERIS_URL", v.URL(), "SAVERIS_PASSWORD", `hunter3`))
	if strings.Contains(out, "quotation") {
		t.Error(out)
	}
}

// TestFilesOfNATSMayBeginWithAMark: each kind of login works from files that an editor on Windows has saved.
func TestFilesOfNATSMayBeginWithAMark(t *testing.T) {
	t.Parallel()
	const password = "s3cr3t-0123456789"
	seedFile, public := bridgetest.UserKey(t)
	op, p := bridgetest.NewOperator(t), bridgetest.NewPKI(t)
	marked := func(text string) string { return file(t, "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n")+"\r\n") }
	tlsOptions := &server.Options{TLSConfig: p.Server.Clone()}
	for name, c := range map[string]struct {
		server *server.Options
		env    []string
	}{
		"creds":    {op.Options(t), []string{"NATS_CREDS", marked(op.Creds(t))}},
		"nkey":     {&server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}}, []string{"NATS_NKEY", marked("  " + textOf(t, seedFile))}},
		"token":    {&server.Options{Authorization: password}, []string{"NATS_TOKEN_FILE", marked(" " + password)}},
		"password": {&server.Options{Username: "u", Password: password}, []string{"NATS_USER", " u", "NATS_PASSWORD_FILE", marked(password + " ")}},
		"TLS":      {tlsOptions, []string{"NATS_CA", marked(textOf(t, p.CAFile)), "NATS_CERT", marked(textOf(t, p.CertFile)), "NATS_KEY", marked(textOf(t, p.KeyFile))}},
	} {
		t.Run(name, func(t *testing.T) {
			url := strings.Replace(natsServer(t, c.server).ClientURL(), "tls://", "nats://", 1)
			nc, err := natsconn.ConnectNamed(t.Context(), load(t, with(append(c.env, "NATS_URL", url)...)).NATS, quiet)
			if err != nil {
				t.Fatal(err)
			}
			nc.Close()
		})
	}
}

func TestCheckNamesUnknownVariables(t *testing.T) {
	t.Parallel()
	env := []string{"SAVERIS_URL=" + vendor(t, nil).URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "BRIDGE_POL_INTERVAL=1m", "BRIDGE_NATS_LISTEN=127.0.0.1:0"}
	if out := bridge(t, env, "check").out; !strings.Contains(out, "BRIDGE_POL_INTERVAL is no variable") {
		t.Errorf("bridge check does not tell it:\n%s", out)
	}
	if err := bridge(t, append(env, "BRIDGE_LOG_LEVEL=warn"), "version").err; err != "" {
		t.Errorf("bridge version has an opinion on settings: %s", err)
	}
}
