package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/saveris/saveristest"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// way is a way into a NATS server.
type way struct {
	server  *server.Options
	right   []string            // environment that lets a bridge in
	wrong   map[string][]string // what does not, by what is wrong with it
	hint    string              // what a wrong one is told, in part
	secrets []string            // never to be seen
}

const (
	loginHint = "NATS_CREDS"
	tlsHint   = "check NATS_CA"
)

// ways are all that the contract names. Each has a server of its own that asks for it.
func ways(t *testing.T) map[string]way {
	t.Helper()
	const password, token = "pass word-0123456789", "token-0123456789"
	seedFile, public := bridgetest.UserKey(t)
	otherSeed, _ := bridgetest.UserKey(t)
	op, otherOp := bridgetest.NewOperator(t), bridgetest.NewOperator(t)
	creds := op.Creds(t)
	expiredCreds := file(t, op.Creds(t, func(c *jwt.UserClaims) { c.Expires = time.Now().Add(-time.Minute).Unix() }))
	p, other := bridgetest.NewPKI(t), bridgetest.NewPKI(t)
	oldCert, oldKey := p.Client(t, bridgetest.Expired)
	withTLS := func(o *server.Options, change func(*tls.Config)) *server.Options {
		o.TLSConfig = p.Server.Clone()
		change(o.TLSConfig)
		return o
	}
	serverOnly := func(c *tls.Config) { c.ClientAuth = tls.NoClientCert }
	mutual := func(*tls.Config) {}
	clientCert := []string{"NATS_CERT=" + p.CertFile, "NATS_KEY=" + p.KeyFile}
	ca := "NATS_CA=" + p.CAFile
	seeds := []string{textOf(t, seedFile), textOf(t, otherSeed)}
	return map[string]way{
		"user": {
			server: &server.Options{Username: "ada", Password: password}, right: []string{"NATS_USER=ada", "NATS_PASSWORD=" + password},
			wrong:   map[string][]string{"password": {"NATS_USER=ada", "NATS_PASSWORD=wrong-0123456789"}, "nothing": nil, "user": {"NATS_USER=bob", "NATS_PASSWORD=" + password}},
			secrets: []string{password, "wrong-0123456789"}, hint: loginHint,
		},
		"password in a file": {
			server: &server.Options{Username: "ada", Password: password}, right: []string{"NATS_USER=ada", "NATS_PASSWORD_FILE=" + file(t, password+"\r\n")},
			wrong:   map[string][]string{"password": {"NATS_USER=ada", "NATS_PASSWORD_FILE=" + file(t, "wrong-0123456789\n")}},
			secrets: []string{password, "wrong-0123456789"}, hint: loginHint,
		},
		"token": {
			server: &server.Options{Authorization: token}, right: []string{"NATS_TOKEN=" + token},
			wrong: map[string][]string{"token": {"NATS_TOKEN=wrong-0123456789"}}, secrets: []string{token, "wrong-0123456789"}, hint: loginHint,
		},
		"token in a file": {
			server: &server.Options{Authorization: token}, right: []string{"NATS_TOKEN_FILE=" + file(t, token+"\n")},
			wrong: map[string][]string{"token": {"NATS_TOKEN_FILE=" + file(t, "wrong-0123456789\n")}}, secrets: []string{token, "wrong-0123456789"}, hint: loginHint,
		},
		"login in the URL": {
			server: &server.Options{Username: "ada", Password: token}, right: []string{"NATS_URL=nats://ada:" + token + "@HOST"},
			wrong: map[string][]string{"password": {"NATS_URL=nats://ada:wrong-0123456789@HOST"}}, secrets: []string{token, "wrong-0123456789"}, hint: loginHint,
		},
		"nkey": {
			server: &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}}, right: []string{"NATS_NKEY=" + file(t, seeds[0]+"\n")},
			wrong: map[string][]string{"seed": {"NATS_NKEY=" + otherSeed}}, secrets: seeds, hint: loginHint,
		},
		"creds": {
			server: op.Options(t), right: []string{"NATS_CREDS=" + file(t, creds)},
			wrong:   map[string][]string{"operator": {"NATS_CREDS=" + file(t, otherOp.Creds(t))}, "time": {"NATS_CREDS=" + expiredCreds}, "nothing": nil},
			secrets: secretLines(creds), hint: loginHint,
		},
		"TLS": {
			server: withTLS(&server.Options{Username: "ada", Password: password}, serverOnly),
			right:  []string{"NATS_URL=tls://HOST", "NATS_USER=ada", "NATS_PASSWORD=" + password, ca},
			wrong: map[string][]string{
				"authority":    {"NATS_URL=tls://HOST", "NATS_USER=ada", "NATS_PASSWORD=" + password, "NATS_CA=" + other.CAFile},
				"no authority": {"NATS_URL=tls://HOST", "NATS_USER=ada", "NATS_PASSWORD=" + password},
			},
			secrets: []string{password}, hint: tlsHint,
		},
		"TLS whose certificate has expired": {
			server: withTLS(&server.Options{}, func(c *tls.Config) {
				serverOnly(c)
				c.Certificates = []tls.Certificate{p.ServerCert(t, bridgetest.Expired)}
			}),
			wrong: map[string][]string{"time": {"NATS_URL=tls://HOST", ca}}, hint: tlsHint,
		},
		"TLS wanted of a server without": {
			server: &server.Options{Authorization: token}, wrong: map[string][]string{"server": {"NATS_URL=tls://HOST", "NATS_TOKEN=" + token}},
			secrets: []string{token}, hint: tlsHint,
		},
		"mutual TLS": {
			server: withTLS(&server.Options{}, mutual), right: append([]string{ca}, clientCert...),
			wrong: map[string][]string{
				"no certificate":    {ca},
				"other certificate": {ca, "NATS_CERT=" + other.CertFile, "NATS_KEY=" + other.KeyFile},
				"time":              {ca, "NATS_CERT=" + oldCert, "NATS_KEY=" + oldKey},
			},
			secrets: secretLines(textOf(t, p.KeyFile) + textOf(t, oldKey) + textOf(t, other.KeyFile)), hint: tlsHint,
		},
		"user by certificate": {
			server: withTLS(&server.Options{TLSMap: true, Users: []*server.User{{Username: "CN=" + p.CommonName(t)}}}, mutual), right: append([]string{ca}, clientCert...),
			wrong:   map[string][]string{"another's": anotherClient(t, p, ca)},
			secrets: secretLines(textOf(t, p.KeyFile)), hint: loginHint,
		},
		"creds and mutual TLS": {
			server: withTLS(op.Options(t), mutual), right: append([]string{ca, "NATS_CREDS=" + file(t, creds)}, clientCert...),
			wrong:   map[string][]string{"no certificate": {ca, "NATS_CREDS=" + file(t, creds)}},
			secrets: append(secretLines(creds), secretLines(textOf(t, p.KeyFile))...), hint: tlsHint,
		},
		"creds and mutual TLS with another's creds": {
			server: withTLS(op.Options(t), mutual), wrong: map[string][]string{"operator": append([]string{ca, "NATS_CREDS=" + file(t, otherOp.Creds(t))}, clientCert...)},
			hint: loginHint,
		},
	}
}

func anotherClient(t *testing.T, p bridgetest.PKI, ca string) []string {
	t.Helper()
	cert, key := p.Client(t)
	return []string{ca, "NATS_CERT=" + cert, "NATS_KEY=" + key}
}

func textOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// secretLines are the lines of a file that are long enough to be secrets, and no headings.
func secretLines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) > 30 && !strings.Contains(line, "---") && !strings.Contains(line, " ") {
			list = append(list, line)
		}
	}
	return list
}

// TestEveryWayIntoNATSStoresRows starts bridge check and bridge run as processes for each way.
func TestEveryWayIntoNATSStoresRows(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	all := ways(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		w := all[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.server.JetStream = true
			host := strings.TrimPrefix(natsServer(t, w.server).ClientURL(), "nats://")
			host = strings.TrimPrefix(host, "tls://")
			environ := func(more []string) []string {
				env := append(slices.Clone(s.env), "NATS_URL=nats://"+host)
				for _, variable := range more {
					env = append(env, strings.ReplaceAll(variable, "HOST", host))
				}
				return env
			}
			if w.right != nil {
				w.works(t, environ(w.right))
			}
			for what, env := range w.wrong {
				for _, command := range []string{"check", "run"} {
					got := bridge(t, environ(env), command)
					w.hidden(t, got.out+got.err)
					if all := got.out + got.err; got.code != hint.NATS || !strings.Contains(all, w.hint) {
						t.Errorf("%s with a wrong %s: exit code %d, no hint %q:\n%s", command, what, got.code, w.hint, all)
					}
				}
			}
		})
	}
}

// works wants check to be content, run to store rows and stop well, and neither to show a secret.
func (w way) works(t *testing.T, env []string) {
	t.Helper()
	got := bridge(t, env, "check")
	w.hidden(t, got.out+got.err)
	if got.code != hint.Done {
		t.Fatalf("check: exit code %d:\n%s%s", got.code, got.out, got.err)
	}
	var log noise
	cmd := command(t, append(env, "BRIDGE_LOG_LEVEL=debug"), "run")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !awaitRows(t, cmd, settingsOf(t, env)) {
		t.Errorf("no rows were stored:\n%s", log.String())
	}
	if code := stop(t, cmd); code != hint.Done {
		t.Errorf("run: exit code %d:\n%s", code, log.String())
	}
	w.hidden(t, log.String())
}

// settingsOf loads settings of an environment as a process has it.
func settingsOf(t *testing.T, env []string) config.Settings {
	t.Helper()
	vars := map[string]string{}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		vars[name] = value
	}
	return load(t, func(name string) (string, bool) { value, found := vars[name]; return value, found })
}

// awaitRows waits until the stream of readings holds something, for as long as the command lives.
func awaitRows(t *testing.T, cmd *exec.Cmd, c config.Settings) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bridgetest.Patience)
	defer cancel()
	nc, err := natsconn.ConnectNamed(ctx, c.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := natsconn.JetStream(nc, c.NATS)
	if err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil {
		if stream, err := js.Stream(ctx, streamOfReadings); err == nil && stream.CachedInfo().State.Msgs > 0 {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}

func (w way) hidden(t *testing.T, text string) {
	t.Helper()
	for _, secret := range w.secrets {
		if secret = strings.TrimSpace(secret); strings.Contains(text, secret) {
			t.Errorf("the output holds the secret %q:\n%s", secret, text)
		}
	}
}

// noise collects what a process writes, from any goroutine.
type noise struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *noise) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *noise) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

// contextFile has the nats command line know a context, which is named for the test, and returns its name. Processes are told by
// XDG_CONFIG_HOME where this one, too, looks for it.
func contextFile(t *testing.T, holds map[string]string) (name string) {
	t.Helper()
	folder := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "nats", "context")
	name = strings.ReplaceAll(t.Name(), "/", "-")
	text, err := json.Marshal(holds)
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestAContextHoldsEveryWayIntoNATS: what the variables can say, a context of the nats command line can.
func TestAContextHoldsEveryWayIntoNATS(t *testing.T) {
	t.Parallel()
	p, op := bridgetest.NewPKI(t), bridgetest.NewOperator(t)
	seedFile, public := bridgetest.UserKey(t)
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	for name, c := range map[string]struct {
		server *server.Options
		holds  map[string]string
	}{
		"user":  {&server.Options{Username: "ada", Password: "password-0123456789"}, map[string]string{"user": "ada", "password": "password-0123456789"}},
		"token": {&server.Options{Authorization: "token-0123456789"}, map[string]string{"token": "token-0123456789"}},
		"nkey":  {&server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}}, map[string]string{"nkey": seedFile}},
		"creds and TLS": {func() *server.Options { o := op.Options(t); o.TLSConfig = p.Server; return o }(),
			map[string]string{"creds": file(t, op.Creds(t)), "ca": p.CAFile, "cert": p.CertFile, "key": p.KeyFile}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.server.JetStream = true
			c.holds["url"] = natsServer(t, c.server).ClientURL()
			env := append(slices.Clone(s.env), "NATS_CONTEXT="+contextFile(t, c.holds), "XDG_CONFIG_HOME="+os.Getenv("XDG_CONFIG_HOME"))
			way{secrets: []string{"password-0123456789", "token-0123456789"}}.works(t, env)
		})
	}
}

// TestExchangedFilesAreUsedAtTheNextConnection: mounted secrets are exchanged while the bridge runs.
func TestExchangedFilesAreUsedAtTheNextConnection(t *testing.T) {
	t.Parallel()
	p, next := bridgetest.NewPKI(t), bridgetest.NewPKI(t)
	op, nextOp := bridgetest.NewOperator(t), bridgetest.NewOperator(t)
	passwordFile, tokenFile, credsFile := file(t, "old-0123456789"), file(t, "old-0123456789"), file(t, op.Creds(t))
	exchange := map[string]string{}
	for old, new := range map[string]string{p.CAFile: next.CAFile, p.CertFile: next.CertFile, p.KeyFile: next.KeyFile} {
		exchange[old] = textOf(t, new)
	}
	for name, c := range map[string]struct {
		before, after *server.Options
		env           []string
		files         map[string]string // their later content
	}{
		"password": {&server.Options{Username: "ada", Password: "old-0123456789"}, &server.Options{Username: "ada", Password: "new"},
			[]string{"NATS_USER", "ada", "NATS_PASSWORD_FILE", passwordFile}, map[string]string{passwordFile: "new\n"}},
		"token": {&server.Options{Authorization: "old-0123456789"}, &server.Options{Authorization: "new"},
			[]string{"NATS_TOKEN_FILE", tokenFile}, map[string]string{tokenFile: "new\n"}},
		"creds": {op.Options(t), nextOp.Options(t), []string{"NATS_CREDS", credsFile}, map[string]string{credsFile: nextOp.Creds(t)}},
		"TLS": {&server.Options{TLSConfig: p.Server}, &server.Options{TLSConfig: next.Server},
			[]string{"NATS_CA", p.CAFile, "NATS_CERT", p.CertFile, "NATS_KEY", p.KeyFile}, exchange},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := natsServer(t, c.before), natsServer(t, c.after)
			link, err := bridgetest.NewLink(first.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer link.Close()
			url := strings.Replace(first.ClientURL(), first.Addr().String(), link.Addr(), 1)
			nc, err := natsconn.ConnectNamed(t.Context(), load(t, with(append(c.env, "NATS_URL", url)...)).NATS, quiet)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			again := make(chan struct{}, 1)
			nc.SetReconnectHandler(func(*nats.Conn) { again <- struct{}{} })
			for path, text := range c.files {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			link.Lead(second.Addr().String())
			select {
			case <-again:
			case <-time.After(bridgetest.Patience):
				t.Errorf("it did not get in again: %v", nc.LastError())
			}
		})
	}
}
