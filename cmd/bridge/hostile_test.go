package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/printable"
)

// hostileTexts are what a vendor might write to steer a terminal, a subject, a header, a page or a log.
var hostileTexts = []string{
	"\x1b[31mred\x1b]0;title\x07\x1b[2J", "a\r\nX-Injected: yes\r\n\r\nbody", "saveris.readings.>", "*", ">", "a.b. c\td", "nul\x00nul",
	"\u202egnirts\u2066\u200b\ufeff", "<script>alert(1)</script>", "\u009b31mC1\u0085line\u2028line", `\x1b[2J \u001b[2J`, `"},{"uuid":"x`, "%0d%0aX: y",
	"../../etc/passwd", "$JS.API.STREAM.DELETE.SAVERIS_READINGS", strings.Repeat("long ", 1000), "INVALID", "🌡️ é ß",
}

// hostileVendor is the synchronous API of a vendor whose every text is one of hostileTexts. Now and then he fails, and
// says so in such words.
type hostileVendor struct {
	rows map[string][]hostileRow // by path

	mu    sync.Mutex
	asked int // for rows
}

// hostileErrors is how many errors the vendor makes, with five of the texts in each.
const hostileErrors = 3

type hostileRow struct {
	at   time.Time // zero for what is no row
	text string
}

func newHostileVendor(t *testing.T) (*hostileVendor, string) {
	v := &hostileVendor{rows: map[string][]hostileRow{}}
	at := time.Now().UTC().Truncate(time.Second).Add(-30 * time.Minute)
	for i, evil := range hostileTexts {
		at = at.Add(time.Second)
		stamp := at.Format(time.RFC3339)
		for n, uuid := range []string{fmt.Sprintf("c1d2e3f4-0000-4000-8000-%012d", i), evil + fmt.Sprint(i)} {
			v.add("/v1/measurements", at, map[string]any{
				"uuid": uuid, "sensor_uuid": evil, "channel_no": evil, "serial_no": evil, "model_code": evil, "tenant_uuid": evil, "customer_site": evil,
				"timestamp": stamp, "timestamp_local": evil, "measurement": n, "physical_property_name": evil, "physical_unit": evil,
				"physical_extension": evil, "processed_at": evil, evil: evil,
			})
			v.add("/v1/alarms", at, map[string]any{
				"uuid": uuid, "alarm_reason": evil, "alarm_status": evil, "last_status_change_time": evil, "alarm_condition_type": evil,
				"alarm_severity": evil, "alarm_time": stamp, "alarm_time_local": evil, "alarm_value": evil, "physical_unit": evil,
				"physical_property_name": evil, "physical_extension": evil, "alarm_source_uuid": evil, "serial_no": evil, "tenant_uuid": evil,
				"customer_site": evil, "alarm_type": evil, "source_alarm_event_uuid": evil, evil: evil,
			})
		}
		if i%6 == 0 {
			v.add("/v1/measurements", at, evil)
			v.add("/v1/measurements", at, map[string]any{"uuid": evil, "timestamp": evil})
		}
	}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	return v, server.URL
}

func (v *hostileVendor) add(path string, at time.Time, row any) {
	text, _ := json.Marshal(row)
	v.rows[path] = append(v.rows[path], hostileRow{at, strings.ReplaceAll(string(text), "INVALID", "\xff\xfe\xc0\x80")})
}

func (v *hostileVendor) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	v.mu.Lock()
	if req.URL.Path != "/v1/token" {
		v.asked++
	}
	asked := v.asked
	v.mu.Unlock()
	from, _ := time.Parse(time.RFC3339, req.URL.Query().Get("date_time_from"))
	until, _ := time.Parse(time.RFC3339, req.URL.Query().Get("date_time_until"))
	switch rows, known := v.rows[req.URL.Path]; {
	case req.URL.Path == "/v1/token":
		claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(time.Hour).Unix()))
		fmt.Fprintf(w, `{"IdToken":"eyJhbGciOiJSUzI1NiJ9.%s.c2ln"}`, claims)
	case !known:
		http.NotFound(w, req)
	case asked%2 == 0 && asked <= 2*hostileErrors:
		w.Header().Set("X-Amzn-Errortype", "\x9b31m<b>")
		w.WriteHeader(http.StatusTeapot) // an answer that is not asked for again, but told
		some := hostileTexts[(asked/2-1)*5:][:5]
		text, _ := json.Marshal(map[string]string{"message": strings.Join(some, " ")})
		w.Write(text)
	default:
		var texts []string
		for _, row := range rows {
			if !row.at.Before(from) && !row.at.After(until) {
				texts = append(texts, row.text)
			}
		}
		fmt.Fprintf(w, "[%s]", strings.Join(texts, ",\n"))
	}
}

// TestHostileTextIsHarmlessEverywhere drives one hostile population through run, in both log formats, and reads all that
// comes out: logs, messages, what check and verify print.
func TestHostileTextIsHarmlessEverywhere(t *testing.T) {
	t.Parallel()
	s := &scene{T: t}
	addr := s.broker()
	v, url := newHostileVendor(t)
	env := []string{
		"SAVERIS_URL=" + url, "SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo", "SAVERIS_SYNC=always", "BRIDGE_HTTP_ADDR=", "BRIDGE_FEEDS=readings,alarms", "BRIDGE_START=1h",
		"BRIDGE_POLL_INTERVAL=1s", "BRIDGE_LOG_LEVEL=debug", "NATS_URL=nats://" + addr,
	}
	for _, format := range []string{"json", "text"} {
		prefix := "evil-" + format
		v.mu.Lock()
		v.asked = 0 // he fails anew
		v.mu.Unlock()
		env := append(slices.Clone(env), "BRIDGE_LOG_FORMAT="+format, "BRIDGE_PREFIX="+prefix)
		var log noise
		cmd := command(t, env, "run")
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for feed, path := range map[string]string{"READINGS": "/v1/measurements", "ALARMS": "/v1/alarms"} {
			s.await("all "+feed, func(ctx context.Context) bool {
				return storedOn(ctx, s.js, strings.ToUpper(prefix)+"_"+feed, prefix) >= len(v.rows[path])
			})
			for _, m := range everything(t, s.js, strings.ToUpper(prefix)+"_"+feed) {
				harmlessMessage(t, m)
			}
		}
		s.await("all errors", func(context.Context) bool { return strings.Count(log.String(), "HTTP 418") >= hostileErrors })
		if code := stop(t, cmd); code != hint.Done {
			t.Errorf("exit code %d:\n%s", code, log.String())
		}
		printableLines(t, format+" log", log.String())
		if format == "json" {
			for line := range strings.Lines(log.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON in the log: %q", line)
				}
			}
		}
		from := time.Now().UTC().Truncate(time.Minute).Add(-45 * time.Minute)
		for _, args := range [][]string{{"check"}, {"verify", "--from", from.Format(time.RFC3339), "--until", from.Add(30 * time.Minute).Format(time.RFC3339)}} {
			got := bridge(t, env, args...)
			if got.code != hint.Done {
				t.Errorf("%s: exit code %d:\n%s%s", args[0], got.code, got.out, got.err)
			}
			printableLines(t, args[0], got.out+got.err)
		}
	}
}

func printableLines(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); !utf8.ValidString(line) || strings.ContainsFunc(line, printable.Unsafe) || strings.HasPrefix(line, "X-Injected") {
			t.Errorf("%s: %q", what, line)
		}
	}
	if text == "" {
		t.Errorf("%s is empty", what)
	}
}

// storedOn is how many events a stream holds, rejected ones included.
func storedOn(ctx context.Context, js jetstream.JetStream, name, prefix string) (n int) {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return 0
	}
	for _, filter := range []string{prefix + ".readings.>", prefix + ".alarms.>", prefix + ".rejected.>"} {
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(filter))
		if err != nil {
			return 0
		}
		for _, count := range info.State.Subjects {
			n += int(count)
		}
	}
	return n
}

// everything reads a whole stream.
func everything(t *testing.T, js jetstream.JetStream, name string) (all []jetstream.Msg) {
	t.Helper()
	stream, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		m, err := consumer.Next(jetstream.FetchMaxWait(bridgetest.Patience))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
		if meta, err := m.Metadata(); err != nil || meta.NumPending == 0 {
			return all
		}
	}
}

var (
	harmlessSubject = regexp.MustCompile(`^evil-(json|text)(\.[A-Za-z0-9_-]+)+$`)
	harmlessHeader  = regexp.MustCompile(`^(ce-[a-z]+|Nats-[A-Za-z-]+|Saveris-Events)$`)
	tokensOf        = map[string]int{"readings": 8, "alarms": 8, "rejected": 3, "index": 4, "checkpoints": 4}
)

func harmlessMessage(t *testing.T, m jetstream.Msg) {
	t.Helper()
	tokens := strings.Split(m.Subject(), ".")
	if !harmlessSubject.MatchString(m.Subject()) || len(tokens) != tokensOf[tokens[1]] {
		t.Errorf("subject %q", m.Subject())
	}
	for name, values := range m.Headers() {
		if !harmlessHeader.MatchString(name) || len(values) != 1 {
			t.Errorf("header %q: %q", name, values)
		}
		if strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("header %s: %q", name, values[0])
		}
	}
	if tokens[1] != "index" && (!json.Valid(m.Data()) || !utf8.Valid(m.Data()) || strings.ContainsFunc(string(m.Data()), func(r rune) bool { return r < ' ' })) {
		t.Errorf("data %q", m.Data())
	}
}
