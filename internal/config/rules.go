package config

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Rule checks a value that is not empty. It returns the form that envconfig reads, or what is wanted instead.
type Rule func(text string) (normal, want string)

// rules has the rule of every variable that cannot take any line of text.
var rules = map[string]Rule{
	"SAVERIS_REGION":            oneOf("eu", "am", "ap"),
	"SAVERIS_ENV":               oneOf("p", "i"),
	"SAVERIS_URL":               httpURL,
	"SAVERIS_API_KEY":           apiKey,
	"SAVERIS_INSECURE":          anyCase(oneOf("true", "false")),
	"SAVERIS_SYNC":              oneOf("auto", "never", "always"),
	"SAVERIS_EXPORTS":           number(1, 100),
	"SAVERIS_EXPORT_TIMEOUT":    span(10 * time.Second),
	"NATS_URL":                  natsURLs,
	"NATS_CREDS":                holding(Credentials),
	"NATS_NKEY":                 holding(Seed),
	"NATS_CA":                   holding(certificates),
	"NATS_CERT":                 holding(certificates),
	"NATS_KEY":                  holding(privateKey),
	"NATS_TLS_FIRST":            anyCase(oneOf("true", "false")),
	"NATS_JS_DOMAIN":            domain,
	"NATS_JS_API_PREFIX":        subjectTokens("$JS.hub.API"),
	"NATS_INBOX_PREFIX":         subjectTokens("_INBOX_bridge"),
	"NATS_CONTEXT":              contextName,
	"BRIDGE_PREFIX":             prefix,
	"BRIDGE_FEEDS":              feeds,
	"BRIDGE_TASK_USERS":         oneOf(KeepUsers, DropUsers),
	"BRIDGE_CONTENT_MODE":       oneOf(string(schema.Binary), string(schema.Structured)),
	"BRIDGE_POLL_INTERVAL":      span(time.Second),
	"BRIDGE_OVERLAP":            span(0),
	"BRIDGE_REVISIT":            ages,
	"BRIDGE_START":              start,
	"BRIDGE_LIVE_AGE":           span(time.Second),
	"BRIDGE_INVENTORY_INTERVAL": span(time.Second),
	"BRIDGE_SILENT_AFTER":       number(0, 1000),
	"BRIDGE_WINDOW_ROWS":        number(1, 100_000_000),
	"BRIDGE_REPLICAS":           number(1, 5),
	"BRIDGE_MAX_AGE":            span(0),
	"BRIDGE_MAX_BYTES":          size,
	"BRIDGE_IMMUTABLE":          anyCase(oneOf("true", "false")),
	"BRIDGE_NATS_LISTEN":        HostPort("127.0.0.1:4222"),
	"BRIDGE_HTTP_ADDR":          HostPort("127.0.0.1:8080"),
	"BRIDGE_LOG_LEVEL":          anyCase(oneOf("debug", "info", "warn", "error")),
	"BRIDGE_LOG_FORMAT":         oneOf("auto", "text", "json"),
}

func oneOf(words ...string) Rule {
	want := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	return func(text string) (string, string) {
		if !slices.Contains(words, text) {
			return "", want
		}
		return text, ""
	}
}

// anyCase takes a word in upper case too.
func anyCase(r Rule) Rule {
	return func(text string) (string, string) { return r(strings.ToLower(text)) }
}

func number(low, high int) Rule {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	return func(text string) (string, string) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return "", want
		}
		return strconv.Itoa(n), "" // envconfig would read 010 as eight
	}
}

func span(low time.Duration) Rule {
	want := "a duration such as 90s, 5m or 7d"
	if low > 0 {
		want = "a duration of " + low.String() + " or more, such as 90s, 5m or 7d"
	}
	return func(text string) (string, string) {
		d, err := ParseDuration(text)
		if err != nil || d < low {
			return "", want
		}
		return d.String(), ""
	}
}

var byteSize = regexp.MustCompile(`^([0-9]+)(?: ?([kmgt]i?)?b)?$`)

var units = map[string]int64{
	"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
}

// leastBytes is less than a day of a large customer: a stream that is smaller would lose events while a day is stored.
const leastBytes = 64_000_000

func size(text string) (string, string) {
	const want = "0, or 64MB or more, such as 10GB or 512MiB"
	parts := byteSize.FindStringSubmatch(strings.ToLower(text))
	if parts == nil {
		return "", want
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	unit := units[parts[2]]
	if err != nil || n > math.MaxInt64/unit || 0 < n && n*unit < leastBytes {
		return "", want
	}
	return strconv.FormatInt(n*unit, 10), ""
}

var daySpan = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)d(.*)$`)

// ParseDuration parses a duration in Go's syntax that may begin with days: 7d, 1d12h. A day has 24 hours.
func ParseDuration(text string) (time.Duration, error) {
	parts := daySpan.FindStringSubmatch(text)
	if parts == nil {
		return time.ParseDuration(text)
	}
	days, err := strconv.ParseFloat(parts[1], 64)
	if err != nil || days > 36500 {
		return 0, fmt.Errorf("parse duration %q: too many days", text)
	}
	d := time.Duration(days * float64(24*time.Hour))
	if parts[2] == "" {
		return d, nil
	}
	rest, err := time.ParseDuration(parts[2])
	if err != nil || rest < 0 {
		return 0, fmt.Errorf("parse duration %q: wrong after the days", text)
	}
	return d + rest, nil
}

func ages(text string) (string, string) {
	const want = "ascending durations, comma separated, such as 1h,6h,7d"
	var normal []string
	var last time.Duration
	for part := range strings.SplitSeq(text, ",") {
		d, err := ParseDuration(TrimSpace(part))
		if err != nil || d <= last {
			return "", want
		}
		normal, last = append(normal, d.String()), d
	}
	return strings.Join(normal, ","), ""
}

// Earliest is where no vendor has data yet: whoever begins before it has mistyped.
var Earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func start(text string) (string, string) {
	now := time.Now()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		var back time.Duration
		back, err = ParseDuration(text)
		at = now.Add(-back)
	}
	if err != nil || at.After(now) || at.Before(Earliest) {
		return "", "a duration such as 24h or 7d, or a time in the past such as 2026-11-01T00:00:00Z, and not before the year 2000"
	}
	return text, ""
}

// rowFeeds are the feeds of rows that a bridge can run.
var rowFeeds = func() (names []string) {
	for _, feed := range schema.RowFeeds {
		names = append(names, string(feed))
	}
	return names
}()

// devices is the feed of the fleet.
const devices = "devices"

func feeds(text string) (string, string) {
	return someOf(text, append(slices.Clone(rowFeeds), devices))
}

// What BRIDGE_TASK_USERS may be.
const (
	KeepUsers = "keep"
	DropUsers = "drop"
)

// RowFeeds returns the normal form of a list of feeds that have rows, or what is wanted instead.
func RowFeeds(text string) (normal, want string) { return someOf(text, rowFeeds) }

func someOf(text string, names []string) (normal, want string) {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		name := TrimSpace(part)
		if !slices.Contains(names, name) || slices.Contains(list, name) {
			return "", "some of " + strings.Join(names, ", ") + ", comma separated, each once"
		}
		list = append(list, name)
	}
	return strings.Join(list, ","), ""
}

var token = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// prefix leaves alone what another bridge may publish on: this one would republish there.
func prefix(text string) (string, string) {
	if !token.MatchString(text) || strings.HasSuffix(text, schema.IngestPrefix("")) {
		return "", "one subject token of the characters A-Z a-z 0-9 _ - that does not end with -ingest"
	}
	return text, ""
}

// domain takes what a server takes as the name of one.
func domain(text string) (string, string) {
	if strings.ContainsAny(text, ".*> ") {
		return "", "a domain, one subject token without . * > and blanks"
	}
	return text, ""
}

// subjectTokens wants the beginning of a subject; its example is one of the kind that is meant. A dot or .> at the end is cut.
func subjectTokens(example string) Rule {
	return func(text string) (string, string) {
		text = strings.TrimSuffix(strings.TrimSuffix(text, ">"), ".")
		for token := range strings.SplitSeq(text, ".") {
			if token == "" || strings.ContainsAny(token, "*> ") {
				return "", "tokens of a subject, such as " + example + ", without wildcards"
			}
		}
		return text, ""
	}
}

func contextName(text string) (string, string) {
	if strings.ContainsAny(text, `/\`) || strings.HasPrefix(text, ".") {
		return "", "the name of a context, as nats context ls shows it"
	}
	return text, ""
}

func httpURL(text string) (string, string) {
	base, _, err := saveris.BaseURL(text)
	if err != nil {
		return "", "a URL such as https://proxy.example.com/saveris, without user, query and fragment"
	}
	return base, ""
}

// apiKey takes what an HTTP header can carry. Quotation marks belong to a shell or to a file of variables.
func apiKey(text string) (string, string) {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\'' }) {
		return "", "a key of ASCII characters alone, without blanks and quotation marks"
	}
	return text, ""
}

func natsURLs(text string) (string, string) {
	const want = "URLs such as nats://host:4222, tls://host:4222 or wss://host, comma separated; WebSocket (ws, wss) and others do not mix, and ? and # in a password are %3F and %23"
	schemes := []string{"nats", "tls", "ws", "wss"}
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		part = TrimSpace(part)
		if !strings.Contains(part, "://") {
			part = "nats://" + part // the nats command line and nats.go take a bare host too
		}
		u, err := url.Parse(part)
		if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) || strings.ContainsAny(part, "?#") { // these belong to a password
			return "", want
		}
		list = append(list, part)
	}
	if strings.Count(","+strings.Join(list, ","), ",ws")%len(list) != 0 {
		return "", want
	}
	return strings.Join(list, ","), ""
}

// HostPort returns the rule of an address to listen on, host:port; its example is one of the kind that is meant.
func HostPort(example string) Rule {
	_, examplePort, _ := net.SplitHostPort(example)
	want := "host:port such as " + example + ", or :" + examplePort + " for every interface"
	return func(text string) (string, string) {
		_, port, err := net.SplitHostPort(text)
		if n, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil || n > 65535 || !oneLine(text) {
			return "", want
		}
		return text, ""
	}
}

// Check checks a value that is not empty by the rule of a variable, which must have one. It returns the value's normal form, or what
// is wanted instead.
func Check(name, text string) (normal, want string) { return rules[name](text) }
