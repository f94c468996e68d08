package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
)

func TestDefaultsAreTheContractsDefaults(t *testing.T) {
	s := load(t, with())
	got := fmt.Sprint(s.SaverisURL, s.SaverisSync, s.SaverisExports, s.NATSURL, s.Embedded(), s.Prefix, s.Feeds, s.Devices, s.PollInterval, s.Overlap,
		s.Revisit, s.Start, s.LiveAge, s.WindowRows, s.Replicas, s.MaxAge, s.MaxBytes, s.Immutable, s.DataDir, s.NATSListen, s.HTTPAddr, s.LogLevel, s.LogFormat, s.InventoryInterval, s.SilentAfter, s.TaskUsers)
	want := fmt.Sprint("https://data-api.eu.p.savr.saveris.net", "auto", 2, []string(nil), true, "saveris", []string{"readings", "alarms"}, true,
		5*time.Minute, 15*time.Minute, []time.Duration{time.Hour, 6 * time.Hour, 26 * time.Hour, 168 * time.Hour}, "24h", 24*time.Hour,
		100000, 1, time.Duration(0), 0, false, "./bridge-data", "127.0.0.1:4222", "127.0.0.1:8080", "info", "auto", 15*time.Minute, 3, "keep")
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestURLFollowsFromRegionAndCredentials(t *testing.T) {
	for _, c := range []struct {
		env  Lookup
		want string
	}{
		{with("SAVERIS_REGION", "am"), "https://data-api.am.p.savr.saveris.net"},
		{with("SAVERIS_ENV", "i"), "https://data-api.eu.i.savr.saveris.net"},
		{with("SAVERIS_URL", "http://127.0.0.1:8090/"), "http://127.0.0.1:8090"},
		{with("SAVERIS_URL", "https://proxy.example.com/saveris//"), "https://proxy.example.com/saveris"},
		{with("SAVERIS_USERNAME", "", "SAVERIS_PASSWORD", "", "SAVERIS_API_KEY", "k", "SAVERIS_REGION", "ap"), "https://data-api.ap.smartconnect.testo.com"},
		{with("SAVERIS_USERNAME", "", "SAVERIS_PASSWORD", "", "SAVERIS_API_KEY", "k", "SAVERIS_URL", "http://[::1]:1"), "http://[::1]:1"},
	} {
		if got := load(t, c.env).SaverisURL; got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestALoginGoesOverHTTPOnlyWhereThatIsWanted(t *testing.T) {
	const want = `SAVERIS_URL is "http://proxy.example.com": expected https://, or SAVERIS_INSECURE=true`
	refused(t, with("SAVERIS_URL", "http://proxy.example.com"), want)
	refused(t, with("SAVERIS_INSECURE", "perhaps"), `SAVERIS_INSECURE is "perhaps": expected true or false`)
	for _, url := range []string{"http://127.0.0.2:1", "http://LOCALHOST:1", "http://[::1]:1", "https://proxy.example.com"} {
		load(t, with("SAVERIS_URL", url))
	}
	load(t, with("SAVERIS_URL", "http://proxy.example.com", "SAVERIS_INSECURE", "TRUE"))
}

func TestDurationsMayHaveDays(t *testing.T) {
	s := load(t, with("BRIDGE_REVISIT", "1h, 1d, 7d12h", "BRIDGE_LIVE_AGE", "1.5d", "BRIDGE_MAX_AGE", "365d", "BRIDGE_START", "7d"))
	if want := []time.Duration{time.Hour, 24 * time.Hour, 180 * time.Hour}; !slices.Equal(s.Revisit, want) {
		t.Errorf("revisit %v, want %v", s.Revisit, want)
	}
	if s.LiveAge != 36*time.Hour || s.MaxAge != 8760*time.Hour {
		t.Errorf("live age %v, max age %v", s.LiveAge, s.MaxAge)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("", 3600))
	if got, want := s.StartTime(now), time.Date(2026, 11, 16, 11, 0, 0, 0, time.UTC); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("start %v, want %v", got, want)
	}
	s.Start = "2026-01-01T00:00:00+01:00"
	if got, want := s.StartTime(now), time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("start %v, want %v", got, want)
	}
}

func TestTheFleetIsAFeedBesideThoseOfRows(t *testing.T) {
	for text, want := range map[string]string{"devices,readings": "[readings] true", "readings,alarms,devices": "[readings alarms] true", "alarms": "[alarms] false", "devices": "[] true", "": "[readings alarms] true", "tasks": "[tasks] false"} {
		if s := load(t, with("BRIDGE_FEEDS", text)); fmt.Sprint(s.Feeds, s.Devices) != want {
			t.Errorf("%s: %v %v, want %s", text, s.Feeds, s.Devices, want)
		}
	}
	if _, want := RowFeeds("readings,devices"); want == "" {
		t.Error("the fleet counts as a feed of rows")
	}
}

func TestSizesHaveUnits(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "100000000": 100_000_000, "10GB": 10_000_000_000, "512MiB": 512 << 20, "2 TiB": 2 << 40, "99999KB": 99_999_000, "70000KiB": 70_000 << 10, "1gb": 1_000_000_000,
	} {
		if s := load(t, with("BRIDGE_MAX_BYTES", text)); s.MaxBytes != want {
			t.Errorf("%s is %d, want %d", text, s.MaxBytes, want)
		}
	}
}

func TestAnEmptyVariableIsUnsetExceptTheOneThatSaysOff(t *testing.T) {
	env := func(name string) (string, bool) {
		value, _ := with()(name)
		return value, true
	}
	s := load(t, env)
	if s.PollInterval != 5*time.Minute || s.Prefix != "saveris" {
		t.Errorf("poll interval %v, prefix %q", s.PollInterval, s.Prefix)
	}
	if s.HTTPAddr != "" {
		t.Errorf("HTTP address %q, expected it to be off", s.HTTPAddr)
	}
}

func TestWrongSettingNamesItself(t *testing.T) {
	for _, c := range []struct{ name, value string }{
		{"SAVERIS_REGION", "EU"}, {"SAVERIS_ENV", "x"}, {"SAVERIS_URL", "ftp://host"}, {"SAVERIS_URL", "host:80"},
		{"SAVERIS_SYNC", "yes"}, {"SAVERIS_EXPORTS", "0"}, {"SAVERIS_EXPORTS", "1.5"},
		{"NATS_URL", "http://host"}, {"NATS_URL", "nats://a,,nats://b"}, {"NATS_URL", "nats://a,ws://b"}, {"NATS_URL", "wss://a,tls://b"},
		{"NATS_TLS_FIRST", "yes"}, {"NATS_JS_DOMAIN", "a.b"}, {"NATS_JS_API_PREFIX", "$JS.*.API"}, {"NATS_INBOX_PREFIX", "_INBOX..a"}, {"NATS_INBOX_PREFIX", ">"},
		{"NATS_CREDS", "/no/such/file"}, {"NATS_CA", "/"},
		{"NATS_CONTEXT", "../x"}, {"BRIDGE_PREFIX", "a.b"}, {"BRIDGE_PREFIX", "a b"}, {"BRIDGE_PREFIX", "ü"}, {"BRIDGE_PREFIX", "saveris-ingest"}, {"BRIDGE_FEEDS", "readings,readings"},
		{"BRIDGE_FEEDS", "health"}, {"BRIDGE_FEEDS", "readings,devices,devices"}, {"BRIDGE_INVENTORY_INTERVAL", "0"}, {"BRIDGE_SILENT_AFTER", "-1"}, {"BRIDGE_TASK_USERS", "hide"}, {"BRIDGE_POLL_INTERVAL", "5"}, {"BRIDGE_POLL_INTERVAL", "100ms"}, {"BRIDGE_POLL_INTERVAL", "1d-1h"},
		{"BRIDGE_OVERLAP", "-1m"}, {"BRIDGE_REVISIT", "6h,1h"}, {"BRIDGE_REVISIT", "1h,1h"}, {"BRIDGE_REVISIT", "0s"}, {"BRIDGE_REVISIT", ","},
		{"BRIDGE_START", "yesterday"}, {"BRIDGE_START", "2026-11-01"}, {"BRIDGE_START", "2999-01-01T00:00:00Z"}, {"BRIDGE_START", "-1h"},
		{"BRIDGE_LIVE_AGE", "0"}, {"BRIDGE_WINDOW_ROWS", "0"}, {"BRIDGE_REPLICAS", "6"}, {"BRIDGE_MAX_AGE", "99999999d"},
		{"BRIDGE_MAX_BYTES", "1GBit"}, {"BRIDGE_MAX_BYTES", "1.5GB"}, {"BRIDGE_MAX_BYTES", "-1"}, {"BRIDGE_MAX_BYTES", "10MB"}, {"BRIDGE_MAX_BYTES", "9999999TB"},
		{"BRIDGE_MAX_BYTES", "10G"}, {"BRIDGE_IMMUTABLE", "maybe"}, {"BRIDGE_CONTENT_MODE", "json"}, {"BRIDGE_CONTENT_MODE", "Structured"},
		{"BRIDGE_NATS_LISTEN", "4222"}, {"BRIDGE_HTTP_ADDR", "localhost:http"}, {"BRIDGE_HTTP_ADDR", ":65536"}, {"BRIDGE_LOG_LEVEL", "loud"},
		{"BRIDGE_START", "1999-12-31T23:59:59Z"}, {"BRIDGE_START", "99y"}, {"BRIDGE_START", "20000d"},
		{"NATS_CA", "settings_test.go"}, {"NATS_CREDS", "settings_test.go"}, {"NATS_NKEY", "settings_test.go"},
		{"BRIDGE_LOG_FORMAT", "xml"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			env := with(c.name, c.value, "NATS_URL", "nats://127.0.0.1")
			if c.name == "NATS_URL" {
				env = with(c.name, c.value)
			}
			_, err := Load(t.Context(), env)
			var wrong *Error
			if !errors.As(err, &wrong) || len(wrong.Problems) != 1 {
				t.Fatalf("expected one problem, got %v", err)
			}
			if want := c.name + ` is "` + c.value + `": expected `; !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %q, want %q…", err, want)
			}
		})
	}
}

func TestAnAddressNeverShowsASecret(t *testing.T) {
	for value, want := range map[string]string{
		"https://host/?token=s3cr3t": "https://host/?***", "https://ada:s3cr3t@host": "https://***@host", "https://s3cr3t@host": "https://***@host",
		"https://host/#s3cr3t": "https://host/#***", "https://host/?s3cr3t@b": "https://***@b", "https://host?": "https://host?***",
		"https:/ada:s3cr3t@host": "***@host", "ada:s3cr3t://@host": "***@host", "https://ada:s3cr3t%zz@host": "https://***@host",
	} {
		_, err := Load(t.Context(), with("SAVERIS_URL", value))
		if err == nil || !strings.HasPrefix(err.Error(), `SAVERIS_URL is "`+want+`": expected a URL`) {
			t.Errorf("%s: got %v, want it shown as %s", value, err, want)
		}
	}
}

func TestTheLogLevelTakesAnyCase(t *testing.T) {
	if s := load(t, with("BRIDGE_LOG_LEVEL", "WARN")); s.LogLevel != "warn" {
		t.Errorf("got %q", s.LogLevel)
	}
}

func TestSettingsThatDoNotGoTogetherAreRefused(t *testing.T) {
	some, pki := file(t, "x"), bridgetest.NewPKI(t)
	_, creds := bridgetest.OperatorMode(t)
	other := bridgetest.NewPKI(t)
	for _, c := range []struct {
		env  Lookup
		want string
	}{
		{with("SAVERIS_API_KEY", "k"), "SAVERIS_API_KEY is set together with"},
		{with("SAVERIS_PASSWORD", ""), "without SAVERIS_PASSWORD"},
		{with("SAVERIS_USERNAME", ""), "without SAVERIS_USERNAME"},
		{with("SAVERIS_PASSWORD_FILE", some), "only one of SAVERIS_PASSWORD and SAVERIS_PASSWORD_FILE"},
		{with("NATS_URL", "nats://a", "NATS_CREDS", creds, "NATS_TOKEN", "t"), "NATS_CREDS and NATS_TOKEN are set"},
		{with("NATS_URL", "nats://a", "NATS_PASSWORD", "p"), "without NATS_USER"},
		{with("NATS_URL", "nats://u:pa@ss?word@a"), `NATS_URL is "nats://***@a": expected`}, {with("NATS_URL", "nats://u:pa@ss#word@a"), "%3F and %23"},
		{with("NATS_URL", "nats://a", "NATS_CERT", pki.CertFile), "without NATS_KEY"},
		{with("NATS_URL", "nats://a", "NATS_JS_DOMAIN", "hub", "NATS_JS_API_PREFIX", "$JS.hub.API"), "expected one of them"},
		{with("NATS_URL", "wss://a", "NATS_TLS_FIRST", "true"), "NATS_TLS_FIRST is true"},
		{with("NATS_INBOX_PREFIX", "_INBOX_a"), "NATS_INBOX_PREFIX is"},
		{with("NATS_URL", "nats://a", "NATS_CERT", pki.CertFile, "NATS_KEY", other.KeyFile), "NATS_KEY is"},
		{with("NATS_URL", "nats://a", "NATS_CERT", some, "NATS_KEY", pki.KeyFile), "NATS_CERT is"},
		{with("NATS_URL", "nats://a", "NATS_CERT", pki.CertFile, "NATS_KEY", some), "NATS_KEY is"},
		{with("BRIDGE_REPLICAS", "3"), `BRIDGE_REPLICAS is "3": expected 1 with the embedded NATS server`},
		{with("BRIDGE_DATA_DIR", some), "BRIDGE_DATA_DIR is"},
		{with("BRIDGE_DATA_DIR", some+"/below"), "BRIDGE_DATA_DIR is"},
		{with("NATS_CREDS", creds), "NATS_URL is not set, but NATS_CREDS is"},
	} {
		_, err := Load(t.Context(), c.env)
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q and nothing else", err, c.want)
		}
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	s := load(t, with("SAVERIS_PASSWORD", "", "SAVERIS_PASSWORD_FILE", file(t, " pass word\r\n"),
		"NATS_URL", "nats://a", "NATS_TOKEN_FILE", file(t, "tok\n\n")))
	if got := s.SaverisPassword.Reveal(); got != "pass word" {
		t.Errorf("password %q", got)
	}
	if got := s.NATSToken.Reveal(); got != "tok" {
		t.Errorf("token %q", got)
	}
	key := load(t, with("SAVERIS_USERNAME", "", "SAVERIS_PASSWORD", "", "SAVERIS_API_KEY_FILE", file(t, "key")))
	if got := key.SaverisAPIKey.Reveal(); got != "key" {
		t.Errorf("key %q", got)
	}
	for _, path := range []string{"/no/such/file", file(t, "\n")} {
		_, err := Load(t.Context(), with("SAVERIS_PASSWORD", "", "SAVERIS_PASSWORD_FILE", path))
		var wrong *Error
		if !errors.As(err, &wrong) || len(wrong.Problems) != 1 || !strings.HasPrefix(err.Error(), `SAVERIS_PASSWORD_FILE is "`+path) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const hidden = "s3cr3t"
	env := with("SAVERIS_PASSWORD", hidden, "NATS_URL", "nats://127.0.0.1:1", "NATS_USER", "u", "NATS_PASSWORD", hidden)
	s := load(t, env)
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	_, wrong := Load(t.Context(), with("SAVERIS_PASSWORD", hidden, "SAVERIS_API_KEY", hidden, "NATS_TOKEN", hidden,
		"NATS_URL", "http://u:"+hidden+"@host", "SAVERIS_URL", "https://u:"+hidden+"@host/"))
	printed := map[string]string{
		"%v": fmt.Sprintf("%v", s), "%+v": fmt.Sprintf("%+v", s), "%#v": fmt.Sprintf("%#v", s),
		"JSON": string(asJSON), "errors": wrong.Error(),
	}
	for where, text := range printed {
		if strings.Contains(text, hidden) {
			t.Errorf("%s shows the secret: %s", where, text)
		}
	}
}

// TestASecretInThePlaceOfItsFileIsNotShown: a secret is mounted as a variable where a file was meant.
func TestASecretInThePlaceOfItsFileIsNotShown(t *testing.T) {
	const (
		seed  = "SUAM" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSTUV"
		creds = "-----BEGIN NATS USER " + "JWT-----\neyJ0eXAi\n------END NATS USER JWT------\n" + seed
		key   = "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END PRIVATE KEY-----"
	)
	for _, c := range []struct{ name, secret string }{
		{"NATS_CREDS", creds}, {"NATS_CREDS", seed}, {"NATS_NKEY", seed}, {"NATS_KEY", key}, {"NATS_CERT", key}, {"NATS_CA", key},
		{"SAVERIS_PASSWORD_FILE", "hunter2"}, {"SAVERIS_PASSWORD_FILE", "pass/word"}, {"SAVERIS_API_KEY_FILE", "key-of-mine"}, {"NATS_PASSWORD_FILE", "hunter2"}, {"NATS_TOKEN_FILE", seed},
	} {
		env := []string{"NATS_URL", "nats://a", "NATS_USER", "u", "SAVERIS_PASSWORD", "", c.name, c.secret}
		_, err := Load(t.Context(), with(env...))
		if text := fmt.Sprint(err); !strings.Contains(text, c.name+` is "***"`) || strings.Contains(text, c.secret) || strings.Contains(text, seed) {
			t.Errorf("%s: %s", c.name, text)
		}
	}
	_, err := Load(t.Context(), with("SAVERIS_PASSWORD", "", "SAVERIS_PASSWORD_FILE", "/run/secrets/password"))
	if text := fmt.Sprint(err); !strings.Contains(text, `SAVERIS_PASSWORD_FILE is "/run/secrets/password"`) {
		t.Errorf("a path is not shown: %s", text)
	}
}
