package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// pager is the example of docs/events.md in JavaScript.
func pager(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(events)
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(text), "```js\n")
	script, _, ended := strings.Cut(script, "```\n")
	if !found || !ended {
		t.Fatal("docs/events.md has no example in JavaScript")
	}
	return script
}

// pagerConfig is the consumer that the example makes: its object is JSON but for the quotes of its names.
func pagerConfig(t *testing.T) (stream string, config jetstream.ConsumerConfig) {
	t.Helper()
	found := regexp.MustCompile(`(?s)consumers\.add\("(\w+)", (\{.*?\})\)`).FindStringSubmatch(pager(t))
	if found == nil {
		t.Fatal("the example makes no consumer")
	}
	object := regexp.MustCompile(`(?m)^\s*(\w+):`).ReplaceAllString(found[2], `"$1":`)
	object = regexp.MustCompile(`,\s*\}`).ReplaceAllString(object, "}")
	if err := json.Unmarshal([]byte(object), &config); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	return found[1], config
}

// alarmRow makes the event of a row of an alarm, with some of its columns.
func alarmRow(uuid, status string, more ...string) schema.Event {
	reason := map[string]string{"Alarm": "Alarm condition is violated", "Ok": "Alarm condition is adhered"}[status]
	columns := []string{"uuid", uuid, "alarm_time", hour().From.Format(time.RFC3339), "alarm_status", status, "alarm_severity", "Alarm", "alarm_reason", reason,
		"serial_no", "9", "customer_site", "Nord", "alarm_condition_type", "Upper limit", "physical_extension", "Humidity", "alarm_value", "61", "physical_unit", "%"}
	for i := 0; i < len(more); i += 2 {
		if at := slices.Index(columns, more[i]); at >= 0 {
			columns = slices.Delete(columns, at, at+2)
		}
	}
	return event(schema.Alarms, append(columns, more...)...)
}

// TestThePagerOfTheDocumentsBeginsWithNewAlarmsAndSeesTheirEnds makes its consumer where an old alarm is stored.
func TestThePagerOfTheDocumentsBeginsWithNewAlarmsAndSeesTheirEnds(t *testing.T) {
	t.Parallel()
	n := natsServer(t, &server.Options{JetStream: true})
	c := load(t, with("NATS_URL", n.ClientURL()))
	nc, err := natsconn.ConnectNamed(t.Context(), c.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := natsconn.JetStream(nc, c.NATS)
	if err == nil {
		err = publish.Open(t.Context(), js, pipeline.Broker(c.Streams))
	}
	if err != nil {
		t.Fatal(err)
	}
	put(t, js, schema.Alarms, hour(), alarmRow("old", "Alarm"))
	stream, config := pagerConfig(t)
	consumer, err := js.CreateOrUpdateConsumer(t.Context(), stream, config)
	if err != nil {
		t.Fatal(err)
	}
	put(t, js, schema.Alarms, hour(), alarmRow("new", "Alarm"), alarmRow("mild", "Alarm", "alarm_severity", "Warning"), alarmRow("end", "Ok", "source_alarm_event_uuid", "new"))
	var got []string
	for range 2 {
		m, err := consumer.Next()
		if err != nil {
			t.Fatalf("after %v: %v", got, err)
		}
		id, _, _ := strings.Cut(m.Headers().Get("ce-id"), ".")
		got = append(got, id)
	}
	if strings.Join(got, " ") != "new end" {
		t.Errorf("it is given %v", got)
	}
}

// Stand-ins of the two modules that the example imports: they deliver what a file holds.
const (
	pagerTransport = `export const connect = async () => ({});`
	pagerJetStream = `import { readFileSync } from "node:fs";
const messages = JSON.parse(readFileSync("messages.json")).map((data) => ({ json: () => data, ack: () => {} }));
export const jetstreamManager = async () => ({ consumers: { add: async () => {} } });
export const jetstream = () => ({ consumers: { get: async () => ({ consume: async () => messages }) } });`
)

// TestThePagerOfTheDocumentsRuns runs the example with Node.js, if there is one, on alarms of each way to end.
func TestThePagerOfTheDocumentsRuns(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on the path")
	}
	events := []schema.Event{
		alarmRow("a", "Alarm"),
		alarmRow("b", "Alarm", "customer_site", "another"),
		alarmRow("a", "Alarm"), // revised
		alarmRow("a-end", "Ok", "source_alarm_event_uuid", "a"),
		alarmRow("stranger", "Ok", "serial_no", "7"),
		alarmRow("b-end", "Unknown", "customer_site", "another", "alarm_reason", "The alarm condition does no longer exist"),
		alarmRow("c", "Alarm"),
		alarmRow("c", "Ok"),
		alarmRow("d", "Alarm"),
		alarmRow("d-end", "Ok", "alarm_reason", "Unknown"),
	}
	data := make([]json.RawMessage, len(events))
	for i, e := range events {
		data[i] = e.AppendData(nil)
	}
	messages, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"pager.mjs": pager(t), "messages.json": string(messages),
		"node_modules/@nats-io/transport-node/index.mjs": pagerTransport, "node_modules/@nats-io/transport-node/package.json": `{"exports":"./index.mjs"}`,
		"node_modules/@nats-io/jetstream/index.mjs": pagerJetStream, "node_modules/@nats-io/jetstream/package.json": `{"exports":"./index.mjs"}`,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), node, "pager.mjs")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	const want = `page a 9 Upper limit measured 61 %
page b 9 Upper limit measured 61 %
over a
over b
page c 9 Upper limit measured 61 %
over c
page d 9 Upper limit measured 61 %
over d
`
	if err != nil || string(out) != want {
		t.Errorf("%v, it prints\n%s\nwant\n%s", err, out, want)
	}
}
