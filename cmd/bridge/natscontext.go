package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/secret"
)

// natsAccess is how to reach NATS: what the variables say, and what a context of the nats command line adds.
// Its tags are the names in a context file.
type natsAccess struct {
	URL         string `json:"url"` // one or more, comma separated
	User        string `json:"user"`
	Password    string `json:"password"`
	Token       string `json:"token"`
	Creds       string `json:"creds"`
	NKey        string `json:"nkey"`
	Cert        string `json:"cert"`
	Key         string `json:"key"`
	CA          string `json:"ca"`
	TLSFirst    bool   `json:"tls_first"`
	InboxPrefix string `json:"inbox_prefix"`
	Domain      string `json:"jetstream_domain"`
	APIPrefix   string `json:"jetstream_api_prefix"`

	PasswordFile string `json:"-"` // where Password and Token were read from, if it was a file
	TokenFile    string `json:"-"`

	// What the bridge cannot do is read too, so that it is refused and not ignored.
	NSC        string `json:"nsc"`
	UserJWT    string `json:"user_jwt"`
	UserSeed   string `json:"user_seed"`
	SocksProxy string `json:"socks_proxy"`
}

// errNATSContext marks a context that cannot be used, which is a wrong setting and not a broken server.
var errNATSContext = errors.New("NATS_CONTEXT cannot be used")

// accessOf returns the way to NATS. Variables win over the context: a login of theirs replaces the context's whole login,
// so that two ways are never mixed.
func accessOf(s config.Settings) (natsAccess, error) {
	var a natsAccess
	if s.NATSContext != "" {
		var err error
		if a, err = readNATSContext(s.NATSContext); err != nil {
			return natsAccess{}, fmt.Errorf("%w: %w", errNATSContext, err)
		}
	}
	if len(s.NATSURL) > 0 {
		a.URL = strings.Join(s.NATSURL, ",")
	}
	if s.NATSCreds != "" || s.NATSNKey != "" || s.NATSUser != "" || s.NATSToken.Set() {
		a.Creds, a.NKey, a.User = s.NATSCreds, s.NATSNKey, s.NATSUser
		a.Password, a.Token = s.NATSPassword.Reveal(), s.NATSToken.Reveal()
		a.PasswordFile, a.TokenFile = s.SecretFiles["NATS_PASSWORD"], s.SecretFiles["NATS_TOKEN"]
	}
	if s.NATSCert != "" {
		a.Cert, a.Key = s.NATSCert, s.NATSKey
	}
	if s.NATSCA != "" {
		a.CA = s.NATSCA
	}
	if s.NATSTLSFirst != "" {
		a.TLSFirst = s.NATSTLSFirst == "true"
	}
	if s.JSDomain != "" || s.JSAPIPrefix != "" {
		a.Domain, a.APIPrefix = s.JSDomain, s.JSAPIPrefix
	}
	a.InboxPrefix = cmp.Or(s.InboxPrefix, a.InboxPrefix)
	return a, nil
}

// readNATSContext reads <config>/nats/context/<name>.json, where the nats command line keeps its contexts.
func readNATSContext(name string) (natsAccess, error) {
	dir, err := configDir()
	if err != nil {
		return natsAccess{}, err
	}
	path := filepath.Join(dir, "nats", "context", name+".json")
	text, err := secret.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return natsAccess{}, fmt.Errorf("no context %q: %s does not exist", name, path)
	}
	if err != nil {
		return natsAccess{}, fmt.Errorf("read context %q: %w", name, err)
	}
	var a natsAccess
	if err := json.Unmarshal(text, &a); err != nil {
		return natsAccess{}, fmt.Errorf("read context %s: %w", path, err)
	}
	if other := a.unsupported(); len(other) > 0 {
		return natsAccess{}, fmt.Errorf("context %s uses %s, which the bridge cannot", path, strings.Join(other, ", "))
	}
	for _, file := range []*string{&a.Creds, &a.NKey, &a.Cert, &a.Key, &a.CA} {
		*file = expandHome(*file)
	}
	if a.URL == "" {
		a.URL = "nats://127.0.0.1:4222" // as the nats command line does
	}
	if _, want := config.Check("NATS_URL", a.URL); want != "" {
		return natsAccess{}, fmt.Errorf("context %s has the url %q: expected %s", path, config.MaskURL(a.URL), want)
	}
	return a, nil
}

func (a natsAccess) unsupported() []string {
	var list []string
	for _, field := range [][2]string{{"nsc", a.NSC}, {"socks_proxy", a.SocksProxy}, {"user_jwt", a.UserJWT}, {"user_seed", a.UserSeed}} {
		if field[1] != "" {
			list = append(list, field[0])
		}
	}
	return list
}

// configDir is where the nats command line looks, on every system: os.UserConfigDir is another place on some.
func configDir() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the folder of contexts: %w", err)
	}
	return filepath.Join(home, ".config"), nil
}

func expandHome(path string) string {
	rest, found := strings.CutPrefix(path, "~/")
	if !found {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
