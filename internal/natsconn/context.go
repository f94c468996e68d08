package natsconn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/secret"
)

// Access is how to reach NATS and to log in there. One kind of login is set at most; TLS goes with each.
// Its tags are the names in a context file.
type Access struct {
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

	Context      string `json:"-"` // its name, if there is one
	PasswordFile string `json:"-"` // where Password and Token were read from, if it was a file
	TokenFile    string `json:"-"`

	StartWait time.Duration `json:"-"` // how long a start waits for NATS; 0 = StartWait

	// What the bridge cannot do is read too, so that it is refused and not ignored.
	NSC        string `json:"nsc"`
	UserJWT    string `json:"user_jwt"`
	UserSeed   string `json:"user_seed"`
	SocksProxy string `json:"socks_proxy"`
}

// ErrContext means that a context cannot be used, which is a wrong setting and not a broken server.
var ErrContext error = &hint.Error{
	Err: errors.New("NATS_CONTEXT cannot be used"), Code: hint.Settings,
	Hint: "nats context ls shows the contexts of this machine; NATS_URL and the other NATS_ variables do without one",
}

// ReadContext reads <config>/nats/context/<name>.json, where the nats command line keeps its contexts. Its error says which file
// cannot be used and why.
func ReadContext(name string) (Access, error) {
	dir, err := configDir()
	if err != nil {
		return Access{}, err
	}
	path := filepath.Join(dir, "nats", "context", name+".json")
	text, err := secret.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Access{}, fmt.Errorf("no context %q: %s does not exist", name, path)
	}
	if err != nil {
		return Access{}, fmt.Errorf("read context %q: %w", name, err)
	}
	var a Access
	if err := json.Unmarshal(text, &a); err != nil {
		return Access{}, fmt.Errorf("read context %s: %w", path, err)
	}
	if other := a.unsupported(); len(other) > 0 {
		return Access{}, fmt.Errorf("context %s uses %s, which the bridge cannot", path, strings.Join(other, ", "))
	}
	for _, file := range []*string{&a.Creds, &a.NKey, &a.Cert, &a.Key, &a.CA} {
		*file = expandHome(*file)
	}
	a.Context = name
	if a.URL == "" {
		a.URL = "nats://127.0.0.1:4222" // as the nats command line does
	}
	if _, want := config.Check("NATS_URL", a.URL); want != "" {
		return Access{}, fmt.Errorf("context %s has the url %q: expected %s", path, config.MaskURL(a.URL), want)
	}
	return a, nil
}

func (a Access) unsupported() []string {
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
