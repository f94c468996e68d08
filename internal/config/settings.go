package config

import (
	"strings"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// Settings are all environment variables of the bridge, read once at start by Load and only read from then on. They are groups,
// so that each room takes those alone that it needs; nobody but this package and the commands takes them all.
//
// The tags are the one list of variables there is: env holds the name and the default, doc the meaning, or what stands
// in the place of a default, and empty:"off" marks a variable for which an empty text is a value and not "unset". The
// help of bridge run and docs/configuration.md are made from them. Words in 'quotes' are code in Markdown.
type Settings struct {
	Pipeline
	HTTP
	Log

	Notices []Notice // what a person should know and that stops nothing
}

// Pipeline is what a feed is read, stored and shown by.
type Pipeline struct {
	Vendor
	NATS
	Streams
	Polling
}

// Vendor is where the vendor is, how to log in there, and how he is asked.
type Vendor struct {
	SaverisRegion   string        `env:"SAVERIS_REGION, default=eu" doc:"region of the account: 'eu', 'am' or 'ap'"`
	SaverisEnv      string        `env:"SAVERIS_ENV, default=p" doc:"environment: 'p' production, 'i' integration"`
	SaverisURL      string        `env:"SAVERIS_URL" or:"from the two above" doc:"base URL without the version part, a slash at its end is cut; the way to a proxy or a simulator"`
	SaverisUsername string        `env:"SAVERIS_USERNAME" doc:"user name of the Saveris Data API"`
	SaverisPassword secret.Text   `env:"SAVERIS_PASSWORD" doc:"password of the Saveris Data API"`
	SaverisAPIKey   secret.Text   `env:"SAVERIS_API_KEY" doc:"Smart Connect instead of user name and password: host 'data-api.<region>.smartconnect.testo.com', header 'x-custom-api-key'"`
	Insecure        bool          `env:"SAVERIS_INSECURE, default=false" doc:"'true' allows 'http://' to a host that is not this machine: login and data can be read and altered on the way"`
	SaverisSync     string        `env:"SAVERIS_SYNC, default=auto" doc:"synchronous endpoints: 'auto' uses them where the deployment answers, 'never', 'always'"`
	SaverisExports  int           `env:"SAVERIS_EXPORTS, default=2" doc:"exports in flight at most, of all processes of one 'BRIDGE_PREFIX' as well as they can know"`
	ExportTimeout   time.Duration `env:"SAVERIS_EXPORT_TIMEOUT, default=15m" doc:"how long the vendor may take to prepare an export before it is given up, '10s' or more; an export that was not ready is adopted by the next read of the same window, never asked for twice"`

	FirstPoll time.Duration // how long after asking for an export it is looked at first; 0 is what the vendor wants
	Demo      bool          // the vendor is the pretend one of bridge demo
	Proxied   bool          // a proxy is set for the vendor; NO_PROXY may still leave him out
}

// The stores of the embedded server unless other ones are named.
const (
	DefaultStore = "./bridge-data" // as BRIDGE_DATA_DIR has it
	DemoStore    = "./bridge-demo"
)

// NATS is where NATS is, how to log in there, or where the embedded server is.
type NATS struct {
	NATSURL      []string    `env:"NATS_URL" or:"embedded server" doc:"one or more URLs, comma separated; empty starts a NATS server inside the bridge"`
	NATSCreds    string      `env:"NATS_CREDS" doc:"credentials file (JWT and seed)"`
	NATSNKey     string      `env:"NATS_NKEY" doc:"file with an nkey seed"`
	NATSUser     string      `env:"NATS_USER" doc:"user name"`
	NATSPassword secret.Text `env:"NATS_PASSWORD" doc:"password of that user"`
	NATSToken    secret.Text `env:"NATS_TOKEN" doc:"token"`
	NATSCA       string      `env:"NATS_CA" doc:"file with the certificates of the authorities that NATS is trusted by"`
	NATSCert     string      `env:"NATS_CERT" doc:"file with the client certificate for TLS"`
	NATSKey      string      `env:"NATS_KEY" doc:"file with the key of the client certificate"`
	NATSTLSFirst string      `env:"NATS_TLS_FIRST" doc:"'true' begins with TLS, before the server says anything: for servers with 'handshake_first'"`
	JSDomain     string      `env:"NATS_JS_DOMAIN" doc:"JetStream domain that the streams are in, such as that of a leaf node"`
	JSAPIPrefix  string      `env:"NATS_JS_API_PREFIX" doc:"instead of a domain: first tokens of the subjects by which JetStream is asked, where another account exports its own"`
	InboxPrefix  string      `env:"NATS_INBOX_PREFIX" doc:"first tokens of the subjects on which answers come, '_INBOX' unless set; for an account that may not subscribe to '_INBOX.>'"`
	NATSContext  string      `env:"NATS_CONTEXT" doc:"name of a context of the 'nats' command line; the variables above win over what it holds"`
	DataDir      string      `env:"BRIDGE_DATA_DIR, default=./bridge-data" doc:"store of the embedded server"`
	NATSListen   string      `env:"BRIDGE_NATS_LISTEN, default=127.0.0.1:4222" doc:"where the embedded server listens, so that consumers can connect"`

	SecretFiles map[string]string // the files that secrets were read from, by variable without _FILE
	StartWait   time.Duration     // how long a start waits for NATS; 0 is half a minute
}

// Streams is how streams and buckets are named and made, and which feeds there are.
type Streams struct {
	Prefix      string        `env:"BRIDGE_PREFIX, default=saveris" doc:"first subject token, and the stem of the names of streams (upper case) and buckets; each Saveris account needs its own"`
	Feeds       []string      `env:"BRIDGE_FEEDS, default=readings,alarms,devices" doc:"feeds to run, of 'readings', 'alarms', 'tasks' and 'devices'"`
	ContentMode schema.Mode   `env:"BRIDGE_CONTENT_MODE, default=binary" doc:"content mode of CloudEvents that events are stored in: 'binary' has the attributes in headers, 'structured' all of an event in the body, for consumers that do not see headers; a stream may hold both"`
	TaskUsers   string        `env:"BRIDGE_TASK_USERS, default=keep" doc:"'drop' leaves user name and user uuid out of 'tasks' events, which are personal data; each process that stores needs it, above all 'bridge backfill'"`
	Replicas    int           `env:"BRIDGE_REPLICAS, default=1" doc:"replicas of streams and bucket that the bridge creates"`
	MaxAge      time.Duration `env:"BRIDGE_MAX_AGE, default=0" doc:"age limit of streams that the bridge creates, '0' is none"`
	MaxBytes    int64         `env:"BRIDGE_MAX_BYTES, default=0" doc:"size limit of each stream that the bridge creates, such as '10GB' or '512MiB', '0' is none; the buckets have smaller ones then. For accounts that demand one: it is reserved"`
	Devices     bool          // BRIDGE_FEEDS names the feed of the fleet, which has no rows: Feeds has the others alone, perhaps none
	Immutable   bool          `env:"BRIDGE_IMMUTABLE, default=false" doc:"'true' creates streams from which nothing can be deleted or purged; that cannot be taken back"`
}

// Polling is what is read when, and in how large windows.
type Polling struct {
	PollInterval      time.Duration   `env:"BRIDGE_POLL_INTERVAL, default=5m" doc:"how often the newest window is read, '1s' or more"`
	Overlap           time.Duration   `env:"BRIDGE_OVERLAP, default=15m" doc:"how far a poll reaches back over what is covered"`
	Revisit           []time.Duration `env:"BRIDGE_REVISIT, default=1h,6h,26h,168h" doc:"ages, counted from the end of a covered interval in event time, at which it is read again for late rows; ascending"`
	Start             string          `env:"BRIDGE_START, default=24h" doc:"first run: how far back 'run' begins, a duration or an RFC 3339 time"`
	LiveAge           time.Duration   `env:"BRIDGE_LIVE_AGE, default=24h" doc:"an event older than this when it is stored goes to the 'history' lane"`
	WindowRows        int             `env:"BRIDGE_WINDOW_ROWS, default=100000" doc:"rows a window should hold; windows grow and shrink towards it, between 5 minutes and 7 days"`
	InventoryInterval time.Duration   `env:"BRIDGE_INVENTORY_INTERVAL, default=15m" doc:"how often devices, sensors, equipment, tenants and their status are looked at, '1s' or more"`
	SilentAfter       int             `env:"BRIDGE_SILENT_AFTER, default=3" doc:"measuring cycles without a reading after which a channel counts as silent, beyond its communication cycle; '0' is never"`
}

// HTTP is where the page, the metrics and the health are.
type HTTP struct {
	HTTPAddr string `env:"BRIDGE_HTTP_ADDR, default=127.0.0.1:8080" empty:"off" doc:"where '/metrics', '/livez' (the process can make progress), '/readyz' (login, NATS, first poll) and the status page '/' are served; empty is off"`
}

// Log is what is logged, and how.
type Log struct {
	LogLevel  string `env:"BRIDGE_LOG_LEVEL, default=info" doc:"'debug', 'info', 'warn' or 'error'"`
	LogFormat string `env:"BRIDGE_LOG_FORMAT, default=auto" doc:"'text', 'json' or 'auto': text on a terminal, JSON otherwise"`
}

// Notice is what a person should know of the settings and that stops nothing, and what to do about it.
type Notice struct{ Text, Hint string }

// Embedded reports whether the bridge brings its own NATS server, because no other one is named.
func (s NATS) Embedded() bool { return len(s.NATSURL) == 0 && s.NATSContext == "" }

// StartTime returns the beginning of a first run that starts now, in UTC. The settings must be Load's.
func (s Polling) StartTime(now time.Time) time.Time {
	if at, err := time.Parse(time.RFC3339, s.Start); err == nil {
		return at.UTC()
	}
	back, _ := ParseDuration(s.Start) // the rule of BRIDGE_START has parsed it before
	return now.Add(-back).UTC()
}

// BaseURL returns the vendor's address, without the version part: the one given, or that of the region, the environment and the kind of credentials.
func (s Vendor) BaseURL() string {
	switch {
	case s.SaverisURL != "":
		return s.SaverisURL
	case s.SaverisAPIKey.Set():
		return "https://data-api." + s.SaverisRegion + ".smartconnect.testo.com"
	default:
		return "https://data-api." + s.SaverisRegion + "." + s.SaverisEnv + ".savr.saveris.net"
	}
}

// MaskURL returns a text without what may be a secret in a URL, or in several: what stands before the last @, and what follows the first
// ? or # behind it. It looks at the text alone, so that it hides in what is no URL too.
func MaskURL(text string) string {
	scheme, rest := "", text
	if before, after, found := strings.Cut(text, "://"); found && !strings.ContainsAny(before, ":@?#") {
		scheme, rest = before+"://", after
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = "***" + rest[at:]
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i+1] + "***"
	}
	return scheme + rest
}
