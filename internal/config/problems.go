package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/saveris"
)

// Problem is one variable whose value cannot be used.
type Problem struct {
	Name  string // the variable
	Value string // what it holds; a secret never gets here
	Want  string // what was expected instead
	Err   error  // the reason of the system, where there is one
}

func (p *Problem) Error() string {
	text := p.Name + ` is "` + printable.Text(p.Value) + `": expected ` + p.Want
	if p.Err != nil {
		text += " (" + p.Err.Error() + ")"
	}
	return text
}

func (p *Problem) Unwrap() error { return p.Err }

// ErrNoCredentials means that nothing at all is set to log in with at the vendor.
var ErrNoCredentials = errors.New("no credentials: SAVERIS_USERNAME and SAVERIS_PASSWORD are not set, and SAVERIS_API_KEY neither")

// Error is everything that is wrong with the settings, each thing a line of its own: a *Problem, ErrNoCredentials, or variables
// that do not go together.
type Error struct{ Problems []error }

// Advice returns the exit code and what to do.
func (e *Error) Advice() (code int, text string) {
	if errors.Is(e, ErrNoCredentials) {
		return hint.Settings, "set them, or see the bridge at work without an account: bridge demo"
	}
	return hint.Settings, "correct what is named above; bridge run --help lists all variables and their defaults"
}

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

func (e *Error) Unwrap() []error { return e.Problems }

// conflicts returns what is wrong between settings that are right one by one.
func (s Settings) conflicts() []error {
	var list []error
	for _, err := range []error{s.credentials(), s.place(), s.readable()} {
		if err != nil {
			list = append(list, err)
		}
	}
	return append(list, s.ownConflicts()...)
}

// place refuses a region, an environment and a kind of login that no host of the vendor's is for. An address that is given
// needs none of them.
func (s Vendor) place() error {
	switch {
	case s.SaverisURL != "" || s.SaverisEnv != "i":
		return nil
	case s.SaverisAPIKey.Set():
		return conflict(`SAVERIS_API_KEY is set and SAVERIS_ENV is "i": expected "p", Smart Connect has no integration environment`)
	case s.SaverisRegion == "am" || s.SaverisRegion == "ap":
		return conflict(`SAVERIS_REGION is "` + s.SaverisRegion + `" and SAVERIS_ENV is "i": expected region "eu", the only one with an integration environment`)
	}
	return nil
}

// readable refuses to send the login where everybody on the way can read it, unless that is wanted.
func (s Vendor) readable() error {
	if _, _, err := saveris.BaseURL(s.SaverisURL); err != nil {
		return nil // none is set, or the rule has said it
	}
	u, err := url.Parse(s.SaverisURL)
	if s.Insecure || err != nil || u.Scheme != "http" || u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback() {
		return nil
	}
	return &Problem{Name: "SAVERIS_URL", Value: MaskURL(s.SaverisURL), Want: "https://, or SAVERIS_INSECURE=true: login and data can be read and altered on their way over http://"}
}

// ownConflicts are those that have nothing to do with the vendor.
func (s Settings) ownConflicts() []error {
	var list []error
	for _, err := range []error{s.natsLogin(), s.natsTLS(), s.natsWay(), s.natsWithoutServer(), s.retention(), s.embeddedReplicas(), s.dataDir()} {
		if err != nil {
			list = append(list, err)
		}
	}
	return list
}

// retention wants a page to live until its last re-read: without the ids of what was stored nothing can be told apart.
func (s Settings) retention() error {
	if s.MaxAge == 0 || len(s.Revisit) == 0 {
		return nil
	}
	if least := s.Revisit[len(s.Revisit)-1] + 48*time.Hour; s.MaxAge < least {
		return conflict(fmt.Sprintf("BRIDGE_MAX_AGE is %v: expected 0 or at least %v, two days more than the last age of BRIDGE_REVISIT", s.MaxAge, least))
	}
	return nil
}

// credentials wants exactly one kind of vendor login, and that one complete.
func (s Vendor) credentials() error {
	user, password, key := s.SaverisUsername != "", s.SaverisPassword.Set(), s.SaverisAPIKey.Set()
	switch {
	case key && (user || password):
		return conflict("SAVERIS_API_KEY is set together with SAVERIS_USERNAME or SAVERIS_PASSWORD: expected one kind of credentials")
	case key || (user && password):
		return nil
	case user:
		return conflict("SAVERIS_USERNAME is set without SAVERIS_PASSWORD: expected both")
	case password:
		return conflict("SAVERIS_PASSWORD is set without SAVERIS_USERNAME: expected both")
	default:
		return ErrNoCredentials
	}
}

// natsLogin wants one way of logging in to NATS at most. TLS goes with each.
func (s NATS) natsLogin() error {
	if s.NATSPassword.Set() && s.NATSUser == "" {
		return conflict("NATS_PASSWORD is set without NATS_USER: expected both")
	}
	ways := given(map[string]bool{
		"NATS_CREDS": s.NATSCreds != "", "NATS_NKEY": s.NATSNKey != "", "NATS_USER": s.NATSUser != "", "NATS_TOKEN": s.NATSToken.Set(),
	})
	if len(ways) > 1 {
		return conflict(strings.Join(ways, " and ") + " are set: expected one of them")
	}
	return nil
}

func (s NATS) natsTLS() error {
	switch {
	case s.NATSCert != "" && s.NATSKey == "":
		return conflict("NATS_CERT is set without NATS_KEY: expected both")
	case s.NATSCert == "" && s.NATSKey != "":
		return conflict("NATS_KEY is set without NATS_CERT: expected both")
	case s.NATSCert == "" || wrongFile(certificates, s.NATSCert) || wrongFile(privateKey, s.NATSKey):
		return nil // the rules have said it
	}
	if _, err := LoadKeyPair(s.NATSCert, s.NATSKey); err != nil {
		return &Problem{Name: "NATS_KEY", Value: s.NATSKey, Want: "the key of the certificate in NATS_CERT", Err: err}
	}
	return nil
}

// natsWay wants one way to JetStream, and one kind of TLS.
func (s NATS) natsWay() error {
	switch {
	case s.JSDomain != "" && s.JSAPIPrefix != "":
		return conflict("NATS_JS_DOMAIN and NATS_JS_API_PREFIX are set: expected one of them")
	case s.NATSTLSFirst == "true" && len(s.NATSURL) > 0 && strings.HasPrefix(s.NATSURL[0], "ws"):
		return conflict("NATS_TLS_FIRST is true and NATS_URL is for WebSocket: expected wss:// alone, which begins with TLS by itself")
	}
	return nil
}

func wrongFile(c Content, path string) bool {
	_, err := c.Read(path)
	return err != nil
}

// embeddedReplicas refuses what one server alone cannot do.
func (s Settings) embeddedReplicas() error {
	if s.Embedded() && s.Replicas > 1 {
		return &Problem{Name: "BRIDGE_REPLICAS", Value: strconv.Itoa(s.Replicas), Want: "1 with the embedded NATS server: more need a cluster, named by NATS_URL"}
	}
	return nil
}

// WantStore says what BRIDGE_DATA_DIR is expected to be.
const WantStore = "a folder that can be written to, or a path where one can be made"

// dataDir wants a place for the embedded server's store. Whether another bridge has it is not a matter of the settings.
func (s NATS) dataDir() error {
	if !s.Embedded() {
		return nil
	}
	if reason := StoreProblem(s.DataDir); reason != nil {
		return &Problem{Name: "BRIDGE_DATA_DIR", Value: s.DataDir, Want: WantStore, Err: reason}
	}
	return nil
}

// StoreProblem returns the system's reason why nobody could have a store of an embedded server in a folder; nil where it can be
// had, or another process has it.
func StoreProblem(dir string) error {
	switch {
	case dir == "":
		return errors.New("it is empty")
	case !oneLine(dir):
		return errors.New("it holds a control character, or is not UTF-8")
	}
	err := natsd.CheckStore(dir)
	var reason *fs.PathError
	if errors.Is(err, natsd.ErrStoreTaken) || !errors.As(err, &reason) {
		return nil
	}
	return reason
}

// natsWithoutServer refuses access to a server that is not named: the bridge would quietly start one of its own.
func (s NATS) natsWithoutServer() error {
	if !s.Embedded() {
		return nil
	}
	access := given(map[string]bool{
		"NATS_CREDS": s.NATSCreds != "", "NATS_NKEY": s.NATSNKey != "", "NATS_USER": s.NATSUser != "",
		"NATS_TOKEN": s.NATSToken.Set(), "NATS_CA": s.NATSCA != "", "NATS_CERT": s.NATSCert != "", "NATS_TLS_FIRST": s.NATSTLSFirst == "true",
		"NATS_JS_DOMAIN": s.JSDomain != "", "NATS_JS_API_PREFIX": s.JSAPIPrefix != "", "NATS_INBOX_PREFIX": s.InboxPrefix != "",
	})
	if len(access) > 0 {
		return conflict("NATS_URL is not set, but " + strings.Join(access, ", ") + " is: expected the server that it is for")
	}
	return nil
}

// conflict says which settings do not go together, and what was expected.
type conflict string

func (c conflict) Error() string { return string(c) }

// given lists the names that are true, in the order of the alphabet.
func given(set map[string]bool) []string {
	maps.DeleteFunc(set, func(_ string, yes bool) bool { return !yes })
	return slices.Sorted(maps.Keys(set))
}
