package config

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"saveris-bridge/internal/bridgetest"
)

const secretText = "s3cr3t-0123456789"

// refused loads settings that must be refused for one reason, and shows it.
func refused(t *testing.T, env Lookup, want ...string) {
	t.Helper()
	_, err := Load(t.Context(), env)
	var wrong *Error
	if !errors.As(err, &wrong) || len(wrong.Problems) != 1 {
		t.Errorf("expected one problem with %q, got %v", want, err)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("no %q in %q", w, err)
		}
	}
	if strings.Contains(err.Error(), secretText) || strings.Contains(err.Error(), "-0123") {
		t.Errorf("the secret is shown: %v", err)
	}
}

func TestSpaceAroundAValueIsCut(t *testing.T) {
	s := load(t, with("SAVERIS_REGION", " am\r\n", "SAVERIS_USERNAME", "\u00a0ada \n", "SAVERIS_PASSWORD", "\ufeff hunter 2\t\r\n", "BRIDGE_POLL_INTERVAL", "5m\n",
		"BRIDGE_FEEDS", " alarms\u200b, readings\u00a0\n", "NATS_URL", "nats://a ,\u00a0nats://b\n", "NATS_TOKEN", " tok\n", "BRIDGE_REVISIT", "1h\u00a0, 2h", "SAVERIS_SYNC", " "))
	if s.SaverisRegion != "am" || s.SaverisUsername != "ada" || s.SaverisPassword.Reveal() != "hunter 2" || s.NATSToken.Reveal() != "tok" ||
		strings.Join(s.Feeds, "|") != "alarms|readings" || strings.Join(s.NATSURL, "|") != "nats://a|nats://b" || s.SaverisSync != "auto" {
		t.Errorf("%+v, password %q", s, s.SaverisPassword.Reveal())
	}
	if got := load(t, keyed("SAVERIS_API_KEY", "\u200b key-1\u00a0\r\n")).SaverisAPIKey.Reveal(); got != "key-1" {
		t.Errorf("key %q", got)
	}
	if got := load(t, with("SAVERIS_PASSWORD", "\u00a0p\u00a0")).SaverisPassword.Reveal(); got != "\u00a0p\u00a0" {
		t.Errorf("what may belong to a password was cut: %q", got)
	}
	path := file(t, "\ufeff\n  hunter 2\r\n\n")
	if got := load(t, with("SAVERIS_PASSWORD", "", "SAVERIS_PASSWORD_FILE", path+"\n")).SaverisPassword.Reveal(); got != "hunter 2" {
		t.Errorf("from a file: %q", got)
	}
}

func TestWhatIsNothingButSpaceIsNotSet(t *testing.T) {
	refused(t, with("SAVERIS_PASSWORD", " \r\n"), "SAVERIS_USERNAME is set without SAVERIS_PASSWORD")
	refused(t, keyed("SAVERIS_API_KEY", "\u00a0\u200b"), "no credentials")
	for _, text := range []string{"", "\n", " \t\r\n", "\ufeff", "\ufeff\r\n"} {
		refused(t, with("SAVERIS_PASSWORD", "", "SAVERIS_PASSWORD_FILE", file(t, text)), "SAVERIS_PASSWORD_FILE is", "not empty")
	}
}

func TestASecretInAnotherEncodingIsRefusedByName(t *testing.T) {
	for name, text := range otherEncodings(secretText) {
		path := file(t, text)
		for _, env := range []struct {
			name string
			env  Lookup
		}{
			{"SAVERIS_PASSWORD_FILE", with("SAVERIS_PASSWORD", "", "SAVERIS_PASSWORD_FILE", path)},
			{"SAVERIS_API_KEY_FILE", keyed("SAVERIS_API_KEY", "", "SAVERIS_API_KEY_FILE", path)},
			{"NATS_TOKEN_FILE", with("NATS_URL", "nats://a", "NATS_TOKEN_FILE", path)},
			{"NATS_PASSWORD_FILE", with("NATS_URL", "nats://a", "NATS_USER", "u", "NATS_PASSWORD_FILE", path)},
			{"NATS_CREDS", with("NATS_URL", "nats://a", "NATS_CREDS", path)},
			{"NATS_NKEY", with("NATS_URL", "nats://a", "NATS_NKEY", path)},
			{"NATS_CA", with("NATS_URL", "nats://a", "NATS_CA", path)},
			{"NATS_KEY", with("NATS_URL", "nats://a", "NATS_KEY", path, "NATS_CERT", bridgetest.NewPKI(t).CertFile)},
		} {
			refused(t, env.env, env.name+` is "`+path+`"`, "not UTF-8")
		}
		if name == "Latin-1" {
			refused(t, with("SAVERIS_PASSWORD", text), `SAVERIS_PASSWORD is "***": expected`, "UTF-8")
			refused(t, with("SAVERIS_USERNAME", "ad\xe4"), `SAVERIS_USERNAME is`, "UTF-8")
		}
	}
}

func TestWhatNoSecretHoldsIsRefusedByName(t *testing.T) {
	for _, text := range []string{secretText + "\nsecond line", secretText + "\x1b[0m", "a\tb" + secretText} {
		refused(t, with("SAVERIS_PASSWORD", text), `SAVERIS_PASSWORD is "***": expected one line of text without control characters`)
		refused(t, with("SAVERIS_PASSWORD", "", "SAVERIS_PASSWORD_FILE", file(t, text)), "SAVERIS_PASSWORD_FILE is", "expected one line of text without control characters")
		refused(t, keyed("SAVERIS_API_KEY", text), `SAVERIS_API_KEY is "***": expected`)
		refused(t, with("NATS_URL", "nats://a", "NATS_TOKEN", text), `NATS_TOKEN is "***": expected`)
	}
	refused(t, with("SAVERIS_USERNAME", "ada\nbob"), `SAVERIS_USERNAME is "ada\u000abob": expected one line`)
	for _, key := range []string{`"` + secretText + `"`, "'" + secretText + "'", "“" + secretText + "”", "Bearer " + secretText, secretText + "ä"} {
		refused(t, keyed("SAVERIS_API_KEY", key), `SAVERIS_API_KEY is "***": expected`, "quotation marks")
		refused(t, keyed("SAVERIS_API_KEY", "", "SAVERIS_API_KEY_FILE", file(t, key)), "SAVERIS_API_KEY_FILE is", "quotation marks")
	}
	if got := load(t, with("SAVERIS_PASSWORD", `"x"`)).SaverisPassword.Reveal(); got != `"x"` {
		t.Errorf("a password that may have quotation marks became %q", got)
	}
}

func TestAFileIsReadAgainByTheSameRules(t *testing.T) {
	path := file(t, "first\n")
	secret := CurrentSecret(path, "first")
	for _, c := range []struct{ text, want string }{
		{"\ufeff second \r\n", "second"}, {wide("third", binary.LittleEndian, true), "first"}, {"\n", "first"}, {"a\nb", "first"}, {"fourth", "fourth"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := secret(); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}
