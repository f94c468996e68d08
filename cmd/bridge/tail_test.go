package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// tailed is a running tail, in this process.
type tailed struct {
	*testing.T
	lines *bufio.Scanner
	stop  context.CancelFunc
	code  chan int
	log   strings.Builder
}

func startTail(t *testing.T, env config.Lookup, args ...string) *tailed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	run := &tailed{T: t, lines: bufio.NewScanner(read), stop: cancel, code: make(chan int, 1)}
	go func() {
		run.code <- execute(ctx, append([]string{"tail"}, args...), streams{env: env, out: write, err: &run.log})
		write.Close()
	}()
	t.Cleanup(func() { cancel(); read.Close() })
	return run
}

// next returns the next line.
func (r *tailed) next() string {
	r.Helper()
	if !r.lines.Scan() {
		r.Fatalf("tail ended: %d, %s", <-r.code, &r.log)
	}
	return r.lines.Text()
}

// end stops the tail as Ctrl-C does.
func (r *tailed) end() {
	r.Helper()
	r.stop()
	for r.lines.Scan() {
	}
	if code := <-r.code; code != exitDone {
		r.Errorf("exit code %d, %s", code, &r.log)
	}
}

func hour() *checkpoint.Interval {
	from := time.Now().UTC().Truncate(24 * time.Hour)
	return &checkpoint.Interval{From: from, Until: from.Add(time.Hour), ReadAt: from.Add(time.Hour), Route: "sync"}
}

// measured makes a reading of today.
func measured(uuid, serial, value string) schema.Event {
	return event(schema.Readings, "uuid", uuid, "timestamp", hour().From.Format(time.RFC3339), "serial_no", serial, "customer_site", "Köln/7",
		"physical_extension", "Air Temperature", "measurement", value)
}

func raised(uuid, condition string) schema.Event {
	return event(schema.Alarms, "uuid", uuid, "alarm_time", hour().From.Format(time.RFC3339), "alarm_status", "Alarm", "alarm_severity", "Alarm",
		"serial_no", "9", "alarm_condition_type", condition, "physical_extension", "Humidity")
}

func TestTailNeedsOnlyToLookAndIsHarmless(t *testing.T) {
	js, env := lookedAt(t)
	hostile := "up\x1b[31m\u009b2J\u202e<b>\"\U000E0001"
	put(t, js, schema.Readings, hour(), measured("a", hostile, "22.3825420000"))
	text := startTail(t, env, "--since", "1h")
	if head := text.next(); !strings.HasPrefix(head, "measured (UTC)") {
		t.Errorf("it begins with %q", head)
	}
	line := text.next()
	if strings.ContainsFunc(line, printable.Unsafe) || !strings.Contains(line, "live") || !strings.HasSuffix(line, " 22.38") || !strings.Contains(line, hour().From.Format("01-02 15:04:05")) {
		t.Errorf("%q", line)
	}
	text.end()

	run := startTail(t, env, "--since", "1h", "--json")
	line = run.next()
	run.end()
	var event struct {
		SpecVersion, ID, Source, Type, Subject, Time, DataContentType, DataSchema, Lane string
		Data                                                                            json.RawMessage
	}
	if err := json.Unmarshal([]byte(line), &event); err != nil || strings.ContainsFunc(line, printable.Unsafe) {
		t.Fatalf("%v: %q", err, line)
	}
	if event.SpecVersion != "1.0" || event.ID != "a" || event.Type != "saveris.reading.v1" || event.Lane != "live" || event.DataContentType != "application/json" ||
		!strings.HasPrefix(event.Subject, hostile) || event.Time != hour().From.Format(time.RFC3339) {
		t.Errorf("%+v", event)
	}
	var data struct {
		Value  json.Number
		Sensor struct {
			Serial string `json:"serial_no"`
		}
	}
	if err := json.Unmarshal(event.Data, &data); err != nil || data.Value != "22.3825420000" || data.Sensor.Serial != hostile {
		t.Errorf("%s: %v", event.Data, err)
	}
}

func TestTailShowsWhatTheFiltersSay(t *testing.T) {
	js, env := lookedAt(t)
	put(t, js, schema.Readings, hour(), measured("r1", "a/b c", "1"), measured("r2", "7", "2"), event(schema.Readings, "nothing", "here"))
	put(t, js, schema.Alarms, hour(), raised("a1", "Upper limit"))
	put(t, js, schema.Readings, hour(), measured("last", "7", "3"))
	for args, want := range map[string][]string{
		"--feed readings":                       {"r1", "r2", "last"},
		"--serial=a/b|c":                        {"r1"},
		"--feed readings --serial 7,a_b_c":      {"r1", "r2", "last"},
		"--severity alarm":                      {"a1.alarm."},
		"--feeds alarms --quantity humidity":    {"a1.alarm."},
		"--quantity Air|Temperature --serial 7": {"r2", "last"},
		"--site Köln/7 --lane live --serial 7":  {"r2", "last"},
	} {
		fields := strings.Fields(args)
		for i := range fields {
			fields[i] = strings.ReplaceAll(fields[i], "|", " ")
		}
		run := startTail(t, env, append(fields, "--since", "1h", "--json")...)
		for _, id := range want {
			if line := run.next(); !strings.Contains(line, `"id":"`+id) {
				t.Errorf("%s: %s, want %s", args, line, id)
			}
		}
		run.end()
	}
	run := startTail(t, env, "--since", "1h", "--rejected", "--serial", "none", "--feed", "readings")
	run.next()
	if line := run.next(); !strings.Contains(line, "rejected: ") {
		t.Errorf("%q", line)
	}
	run.end()
}

func TestASiteIsFoundByWhatALineShowsOfIt(t *testing.T) {
	js, env := lookedAt(t)
	of := func(uuid, site string) schema.Event {
		return event(schema.Readings, "uuid", uuid, "timestamp", hour().From.Format(time.RFC3339), "serial_no", "7", "customer_site", site)
	}
	put(t, js, schema.Readings, hour(), of("r1", "8bb9264f-aaaa-4aaa-8aaa-aaaaaaaaaaaa"), of("r2", "8bb9264f-bbbb-4bbb-8bbb-bbbbbbbbbbbb"),
		of("r3", "9cc9264f-cccc-4ccc-8ccc-cccccccccccc"), of("r4", "8bb"), event(schema.Readings, "nothing", "here"))
	put(t, js, schema.Readings, hour(), of("last", "Depot Nord"))
	for args, want := range map[string][]string{
		"--site 8bb9264f,Depot_Nord":                                    {"r1", "r2", "last"},
		"--site 8bb9264f-bbbb,8bb,Depot_No":                             {"r2", "r4", "last"},
		"--site 8bb9264f-bbbb-4bbb-8bbb-bbbbbbbbbbbb,8bb,Depot,9cc9264": {"r2", "r4"},
	} {
		run := startTail(t, env, append(strings.Fields(args), "--since", "1h", "--json", "--feed", "readings")...)
		for _, id := range want {
			if line := run.next(); !strings.Contains(line, `"id":"`+id) {
				t.Errorf("%s: %s, want %s", args, line, id)
			}
		}
		run.end()
	}
}

func TestFiltersBecomeSubjects(t *testing.T) {
	for args, want := range map[string]string{
		"":                       "saveris.readings.*.*.*.*.*.* saveris.alarms.*.*.*.*.*.*",
		"--lane live --site a.b": "saveris.readings.live.*.a_b.*.*.* saveris.alarms.live.*.a_b.*.*.*",
		"--state raised,cleared --severity alarm":                     "saveris.alarms.*.*.*.alarm.*.*",
		"--feed readings --quantity Air_Temperature --rejected":       "saveris.readings.*.*.*.*.*.air_temperature saveris.rejected.readings",
		"--feed readings --site 8bb9264f":                             "saveris.readings.*.*.*.*.*.*",
		"--feed readings --site 8bb9264f-bbbb-4bbb-8bbb-bbbbbbbbbbbb": "saveris.readings.*.*.8bb9264f-bbbb-4bbb-8bbb-bbbbbbbbbbbb.*.*.*",
		"--feed readings --serial a/b,a_b":                            "saveris.readings.*.*.*.a_b.*.*",
	} {
		o := parseTail(t, args)
		w, err := o.wanted(load(t, with()), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range w.subjects(publish.Names{Prefix: "saveris"}) {
			got = append(got, one.filter)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q asks for %v, want %s", args, got, want)
		}
	}
}

func TestOfAWideSubjectOnlyWhatIsWantedIsTaken(t *testing.T) {
	o := parseTail(t, "--state raised,cleared --severity alarm --serial 7,8")
	w, err := o.wanted(load(t, with()), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]bool{
		"saveris.alarms.live.t.s.alarm.raised.7":     true,
		"saveris.alarms.history.t.s.alarm.cleared.8": true,
		"saveris.alarms.live.t.s.alarm.unknown.7":    false,
		"saveris.alarms.live.t.s.alarm.raised.9":     false,
		"saveris.alarms.live.t.s.alarm.raised":       false,
		"saveris.alarms.live.t.s.alarm.raised.7.8":   false,
	} {
		if got := w.subjects(publish.Names{Prefix: "saveris"})[0].takes(subject); got != want {
			t.Errorf("%s: %v, want %v", subject, got, want)
		}
	}
}

func parseTail(t *testing.T, args string) (o tailOptions) {
	t.Helper()
	cmd := tailCommand(streams{})
	cmd.ResetFlags()
	o.flags(cmd)
	if err := cmd.ParseFlags(strings.Fields(args)); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWrongFiltersAreRefusedByName(t *testing.T) {
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprint(i))
	}
	for args, want := range map[string]string{
		"--feeds meters":                      `--feeds is "meters": expected readings or alarms`,
		"--lane now":                          `--lane is "now": expected live or history`,
		"--severity Alarm":                    `--severity is "Alarm": expected alarm, warning or unknown`,
		"--state open":                        `--state is "open": expected raised, cleared or unknown`,
		"--site ,":                            "--site is empty: expected a name",
		"--since tomorrow":                    `--since is "tomorrow": expected an RFC 3339 time`,
		"--since 2100-01-01T00:00:00Z":        `--since is "2100-01-01T00:00:00Z": it lies in the future`,
		"--feeds readings --state raised":     "--severity and --state are of alarms",
		"--serial " + strings.Join(many, ","): "the filters make 101 subjects",
	} {
		var log strings.Builder
		code := execute(t.Context(), append([]string{"tail"}, strings.Fields(args)...), streams{env: with(), out: io.Discard, err: &log})
		if code != exitSettings || !strings.Contains(log.String(), want) {
			t.Errorf("%s: exit code %d, %s", args, code, &log)
		}
	}
}

func TestTailGoesOnWhereItWasAfterAnOutage(t *testing.T) {
	s := newScene(t, saveristest.World{})
	link, err := bridgetest.NewLink(s.broker())
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if err := publish.Open(t.Context(), s.js, publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	run := startTail(t, with("NATS_URL", "nats://"+link.Addr()), "--json", "--feed", "readings")
	s.await("its consumer", func(ctx context.Context) bool { return consumers(ctx, s.js) > 0 })
	link.Cut() // nothing has been shown yet
	put(t, s.js, schema.Readings, hour(), measured("u0", "7", "1"))
	link.Mend()
	for i := range 4 {
		if line := run.next(); !strings.Contains(line, fmt.Sprintf(`"id":"u%d"`, i)) {
			t.Errorf("event %d is %s", i, line)
		}
		link.Cut()
		put(t, s.js, schema.Readings, hour(), measured(fmt.Sprintf("u%d", i+1), "7", "1"))
		link.Mend()
	}
	run.next() // the last of them
	if err := s.js.DeleteStream(t.Context(), streamOfReadings); err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), s.js, publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	put(t, s.js, schema.Readings, hour(), measured("anew", "7", "1"))
	if line := run.next(); !strings.Contains(line, `"id":"anew"`) {
		t.Errorf("of a stream that was made anew it shows %s", line)
	}
	run.end()
}

func consumers(ctx context.Context, js jetstream.JetStream) int {
	stream, err := js.Stream(ctx, streamOfReadings)
	if err != nil {
		return 0
	}
	return stream.CachedInfo().State.Consumers
}

func TestTailEndsQuietlyWhenNobodyReadsIt(t *testing.T) {
	js, env := lookedAt(t)
	put(t, js, schema.Readings, hour(), measured("a", "7", "1"))
	url, _ := env("NATS_URL")
	for _, how := range []string{"interrupted", "unread"} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(t, []string{"NATS_URL=" + url, "NATS_USER=reader", "NATS_PASSWORD=r"}, "tail", "--since", "1h")
		var log strings.Builder
		cmd.Stdout, cmd.Stderr = write, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		write.Close()
		lines := bufio.NewScanner(read)
		for range 2 {
			lines.Scan()
		}
		if how == "interrupted" {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		} else {
			read.Close()
			put(t, js, schema.Readings, hour(), measured("b", "7", "1"))
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitDone || log.Len() > 0 {
			t.Errorf("%s: exit code %d, %s", how, code, &log)
		}
		read.Close()
	}
}

func TestAnEventInStructuredFormIsInOrder(t *testing.T) {
	line, err := structured(map[string][]string{"ce-zoo": {"z"}, "ce-id": {"a%20%C3%A9"}, "ce-specversion": {"1.0"}, "Nats-X": {"n"}, "ce-ant": {"x"}}, []byte("{\"v\": 1.50,\n\"t\":\"\u2028<\"}"))
	if want := `{"specversion":"1.0","id":"a é","ant":"x","zoo":"z","data":{"v":1.50,"t":"\u2028<"}}`; err != nil || line != want {
		t.Errorf("%s, %v, want %s", line, err, want)
	}
	for _, bad := range []struct {
		id   string
		data string
	}{{"%zz", "{}"}, {"a", "{"}} {
		if line, err := structured(map[string][]string{"ce-id": {bad.id}}, []byte(bad.data)); err == nil {
			t.Errorf("%v became %s", bad, line)
		}
	}
}
