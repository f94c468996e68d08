package natsconn

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
)

// load reads the settings of NATS from an environment.
func load(t *testing.T, env config.Lookup) config.NATS {
	t.Helper()
	s, err := config.Load(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return s.NATS
}

// try connects with the settings and hangs up again.
func try(t *testing.T, env config.Lookup) error {
	t.Helper()
	settings := load(t, env)
	settings.StartWait = time.Hour // what is tried again and again fails by the test's own limit
	nc, err := ConnectNamed(t.Context(), settings, quiet)
	if err == nil {
		nc.Close()
	}
	return err
}

func TestEveryWayToLogInWorksAndAWrongOneFailsAtOnce(t *testing.T) {
	seedFile, public := bridgetest.UserKey(t)
	wrongSeed, _ := bridgetest.UserKey(t)
	withUser := bridgetest.NATSServer(t, &server.Options{Username: "ada", Password: "p w"}).ClientURL()
	withToken := bridgetest.NATSServer(t, &server.Options{Authorization: "tok"}).ClientURL()
	withKey := bridgetest.NATSServer(t, &server.Options{Nkeys: []*server.NkeyUser{{Nkey: public}}}).ClientURL()
	for _, c := range []struct {
		name        string
		right, lost config.Lookup
	}{
		{"user", bridgetest.Env("NATS_URL", withUser, "NATS_USER", "ada", "NATS_PASSWORD", "p w"), bridgetest.Env("NATS_URL", withUser, "NATS_USER", "ada", "NATS_PASSWORD", "x")},
		{"token", bridgetest.Env("NATS_URL", withToken, "NATS_TOKEN", "tok"), bridgetest.Env("NATS_URL", withToken, "NATS_TOKEN", "x")},
		{"nkey", bridgetest.Env("NATS_URL", withKey, "NATS_NKEY", seedFile), bridgetest.Env("NATS_URL", withKey, "NATS_NKEY", wrongSeed)},
		{"several servers", bridgetest.Env("NATS_URL", "nats://127.0.0.1:1,"+withToken, "NATS_TOKEN", "tok"), bridgetest.Env("NATS_URL", withToken)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := try(t, c.right); err != nil {
				t.Errorf("the right login fails: %v", err)
			}
			err := try(t, c.lost)
			if code, advice := hint.Of(err); code != hint.NATS || !strings.Contains(advice, "NATS_CREDS") {
				t.Errorf("the wrong login gives %v, exit code %d, hint %q", err, code, advice)
			}
		})
	}
}

func TestCredsAndTLSWorkTogether(t *testing.T) {
	t.Parallel()
	pki := bridgetest.NewPKI(t)
	options, creds := bridgetest.OperatorMode(t)
	options.TLSConfig = pki.Server
	url := bridgetest.NATSServer(t, options).ClientURL()
	all := []string{"NATS_URL", url, "NATS_CREDS", creds, "NATS_CA", pki.CAFile, "NATS_CERT", pki.CertFile, "NATS_KEY", pki.KeyFile}
	if err := try(t, bridgetest.Env(all...)); err != nil {
		t.Errorf("creds with TLS: %v", err)
	}
	other := bridgetest.NewPKI(t)
	for missing, env := range map[string]config.Lookup{
		"the authority":   bridgetest.Env("NATS_URL", url, "NATS_CREDS", creds, "NATS_CERT", pki.CertFile, "NATS_KEY", pki.KeyFile),
		"another's":       bridgetest.Env("NATS_URL", url, "NATS_CREDS", creds, "NATS_CA", other.CAFile, "NATS_CERT", pki.CertFile, "NATS_KEY", pki.KeyFile),
		"the certificate": bridgetest.Env("NATS_URL", url, "NATS_CREDS", creds, "NATS_CA", pki.CAFile),
		"the credentials": bridgetest.Env("NATS_URL", url, "NATS_CA", pki.CAFile, "NATS_CERT", pki.CertFile, "NATS_KEY", pki.KeyFile),
	} {
		err := try(t, env)
		if code, advice := hint.Of(err); code != hint.NATS || advice == "" {
			t.Errorf("without %s: %v, exit code %d, hint %q", missing, err, code, advice)
		}
	}
}

// contextFile writes a context of the nats command line and makes it the one that is found.
func contextFile(t *testing.T, name string, content any) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	addContext(t, name, content)
}

// addContext writes one more.
func addContext(t *testing.T, name string, content any) {
	t.Helper()
	dir := os.Getenv("XDG_CONFIG_HOME")
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "nats", "context")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAContextIsReadAndVariablesWin(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	contextFile(t, "prod", map[string]any{
		"description": "x", "url": "nats://ctx:1", "user": "u", "password": "p", "ca": "~/ca.pem", "cert": "/c", "key": "/k",
		"inbox_prefix": "_INBOX.ada", "jetstream_domain": "leaf", "jetstream_api_prefix": "JS", "tls_first": true, "color_scheme": "x", "nsc": "",
	})
	got, err := AccessOf(load(t, bridgetest.Env("NATS_CONTEXT", "prod")))
	want := Access{URL: "nats://ctx:1", User: "u", Password: "p", CA: "/home/ada/ca.pem", Cert: "/c", Key: "/k",
		InboxPrefix: "_INBOX.ada", Domain: "leaf", APIPrefix: "JS", TLSFirst: true, Context: "prod"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	pem := bridgetest.NewPKI(t).CAFile
	got, err = AccessOf(load(t, bridgetest.Env("NATS_CONTEXT", "prod", "NATS_TLS_FIRST", "FALSE", "NATS_JS_API_PREFIX", "$JS.hub.API.>", "NATS_INBOX_PREFIX", "_I")))
	mine := want
	mine.TLSFirst, mine.Domain, mine.APIPrefix, mine.InboxPrefix = false, "", "$JS.hub.API", "_I"
	if err != nil || got != mine {
		t.Errorf("got %+v, %v\nwant %+v", got, err, mine)
	}
	got, err = AccessOf(load(t, bridgetest.Env("NATS_CONTEXT", "prod", "NATS_URL", "tls://mine", "NATS_TOKEN", "t", "NATS_CA", pem)))
	want.URL, want.User, want.Password, want.Token, want.CA = "tls://mine", "", "", "t", pem
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestAContextThatCannotBeUsedIsAWrongSetting(t *testing.T) {
	contextFile(t, "exotic", map[string]string{"url": "nats://a", "nsc": "nsc://op/acc/user", "socks_proxy": "x"})
	where := map[string]string{"exotic": "nsc, socks_proxy", "nowhere": "does not exist"}
	for name, context := range map[string]map[string]string{
		"garbage": {"ca": bridgetest.File(t, "no certificate")}, "no creds": {"creds": bridgetest.File(t, "x")}, "a wrong url": {"url": "nats://u:s3cr3t x@host"},
	} {
		addContext(t, name, context)
		where[name] = map[string]string{"garbage": "certificates in PEM", "no creds": "credentials file", "a wrong url": "nats://***@host"}[name]
	}
	for name, want := range where {
		err := try(t, bridgetest.Env("NATS_CONTEXT", name))
		if code, advice := hint.Of(err); code != hint.Settings || advice == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, exit code %d", name, err, code)
		}
	}
}

func TestAContextConnects(t *testing.T) {
	url := bridgetest.NATSServer(t, &server.Options{Username: "ada", Password: "p"}).ClientURL()
	contextFile(t, "here", map[string]string{"url": url, "user": "ada", "password": "p", "inbox_prefix": "_INBOX_ada"})
	if err := try(t, bridgetest.Env("NATS_CONTEXT", "here")); err != nil {
		t.Error(err)
	}
}
