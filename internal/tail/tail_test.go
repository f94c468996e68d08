package tail

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

var names = seed.Broker.Names

// newBroker starts a server that has the streams.
func newBroker(t *testing.T) (js jetstream.JetStream, url string) {
	t.Helper()
	url = bridgetest.NATSServer(t, &server.Options{JetStream: true}).ClientURL()
	js = bridgetest.JetStream(t, url)
	openStreams(t, js)
	return js, url
}

func openStreams(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	if err := publish.Open(t.Context(), js, seed.Broker); err != nil {
		t.Fatal(err)
	}
}

// quick are timings that a test can wait for.
var quick = Timings{Pause: 10 * time.Millisecond, Look: 50 * time.Millisecond}

// running is a Run in this process.
type running struct {
	*testing.T
	lines *bufio.Scanner
	stop  context.CancelFunc
	ended chan error
	notes strings.Builder
}

func start(t *testing.T, js jetstream.JetStream, c Config) *running {
	t.Helper()
	if len(c.Filter.Feeds) == 0 {
		c.Filter.Feeds = []string{"readings", "alarms"}
	}
	c.Names, c.Timings = names, quick
	if err := c.Filter.Check(names); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	run := &running{T: t, lines: bufio.NewScanner(read), stop: cancel, ended: make(chan error, 1)}
	c.Out, c.Notes = write, &run.notes
	go func() {
		run.ended <- Run(ctx, js, c)
		write.Close()
	}()
	t.Cleanup(func() { cancel(); read.Close() })
	return run
}

// next returns the next line.
func (r *running) next() string {
	r.Helper()
	if !r.lines.Scan() {
		r.Fatalf("it ended: %v, %s", <-r.ended, &r.notes)
	}
	return r.lines.Text()
}

// end stops it.
func (r *running) end() {
	r.Helper()
	r.stop()
	for r.lines.Scan() {
	}
	if err := <-r.ended; !errors.Is(err, context.Canceled) {
		r.Errorf("%v, %s", err, &r.notes)
	}
}

var lastHour = time.Now().Add(-time.Hour)

func raised(uuid, condition string) schema.Event {
	return seed.Event(schema.Alarms, "uuid", uuid, "alarm_time", seed.FirstHour().From.Format(time.RFC3339), "alarm_status", "Alarm", "alarm_severity", "Alarm",
		"serial_no", "9", "alarm_condition_type", condition, "physical_extension", "Humidity")
}

func TestTailShowsWhatTheFilterPicks(t *testing.T) {
	js, _ := newBroker(t)
	hour := seed.FirstHour()
	seed.Store(t, js, schema.Readings, hour, seed.Reading("r1", "a/b c", "1"), seed.Reading("r2", "7", "2"), seed.Event(schema.Readings, "nothing", "here"))
	seed.Store(t, js, schema.Alarms, hour, raised("a1", "Upper limit"))
	seed.Store(t, js, schema.Readings, hour, seed.Reading("last", "7", "3"))
	readings, alarms := []string{"readings"}, []string{"alarms"}
	for _, c := range []struct {
		filter Filter
		want   string
	}{
		{Filter{Feeds: readings}, "r1 r2 last"},
		{Filter{Serials: []string{"a/b c"}}, "r1"},
		{Filter{Feeds: readings, Serials: []string{"7", "a_b_c"}}, "r1 r2 last"},
		{Filter{Severities: []string{"alarm"}}, "a1.alarm."},
		{Filter{Feeds: alarms, Quantities: []string{"humidity"}}, "a1.alarm."},
		{Filter{Quantities: []string{"Air Temperature"}, Serials: []string{"7"}}, "r2 last"},
		{Filter{Sites: []string{"Köln/7"}, Lanes: []string{"live"}, Serials: []string{"7"}}, "r2 last"},
	} {
		run := start(t, js, Config{Filter: c.filter, Since: lastHour, JSON: true})
		for id := range strings.FieldsSeq(c.want) {
			if line := run.next(); !strings.Contains(line, `"id":"`+id) {
				t.Errorf("%+v: %s, want %s", c.filter, line, id)
			}
		}
		run.end()
	}
	run := start(t, js, Config{Filter: Filter{Feeds: readings, Serials: []string{"none"}, Rejected: true}, Since: lastHour})
	run.next()
	if line := run.next(); !strings.Contains(line, "rejected: ") {
		t.Errorf("%q", line)
	}
	run.end()
}

func TestASiteIsFoundByWhatALineShowsOfIt(t *testing.T) {
	js, _ := newBroker(t)
	hour := seed.FirstHour()
	of := func(uuid, site string) schema.Event {
		return seed.Event(schema.Readings, "uuid", uuid, "timestamp", hour.From.Format(time.RFC3339), "serial_no", "7", "customer_site", site)
	}
	seed.Store(t, js, schema.Readings, hour, of("r1", "8bb9264f-aaaa-4aaa-8aaa-aaaaaaaaaaaa"), of("r2", "8bb9264f-bbbb-4bbb-8bbb-bbbbbbbbbbbb"),
		of("r3", "9cc9264f-cccc-4ccc-8ccc-cccccccccccc"), of("r4", "8bb"), seed.Event(schema.Readings, "nothing", "here"))
	seed.Store(t, js, schema.Readings, hour, of("last", "Depot Nord"))
	for sites, want := range map[string]string{
		"8bb9264f,Depot_Nord":                                    "r1 r2 last",
		"8bb9264f-bbbb,8bb,Depot_No":                             "r2 r4 last",
		"8bb9264f-bbbb-4bbb-8bbb-bbbbbbbbbbbb,8bb,Depot,9cc9264": "r2 r4",
	} {
		run := start(t, js, Config{Filter: Filter{Feeds: []string{"readings"}, Sites: strings.Split(sites, ",")}, Since: lastHour, JSON: true})
		for id := range strings.FieldsSeq(want) {
			if line := run.next(); !strings.Contains(line, `"id":"`+id) {
				t.Errorf("%s: %s, want %s", sites, line, id)
			}
		}
		run.end()
	}
}

func TestASiteIsFoundByItsName(t *testing.T) {
	var named, other Event
	named.Site, named.Names.Site = "8bb9264f-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "Market Square 7/8, behind the old town hall"
	other.Site, other.Names.Site = "9cc9264f-cccc-4ccc-8ccc-cccccccccccc", "Harbour"
	nameless := Event{Site: "_"}
	for site, want := range map[string][3]bool{
		named.Names.Site: {true, false, false}, "harbour": {false, true, false}, "Harbou": {}, "Market Square": {}, "8bb9264f": {true, false, false}, other.Site: {false, true, false}, "_": {false, false, true},
	} {
		f := Filter{Feeds: []string{"readings"}, Sites: []string{site}}
		if err := f.Check(names); err != nil {
			t.Fatal(err)
		}
		asked := f.subscriptions(names)[0].filter
		for i, e := range []Event{named, other, nameless} {
			passes := schema.SubjectWithin("saveris.readings.live.t."+e.Site+".7.1.q", asked)
			if got := passes && f.takes(e); got != want[i] {
				t.Errorf("--site %q takes %q: %v, want %v (asks for %s)", site, e.Names.Site, got, want[i], asked)
			}
		}
	}
}

func TestAFilterBecomesSubjects(t *testing.T) {
	readings, all := []string{"readings"}, []string{"readings", "alarms"}
	for _, c := range []struct {
		filter Filter
		want   string
	}{
		{Filter{Feeds: all}, "saveris.readings.*.*.*.*.*.* saveris.alarms.*.*.*.*.*.*"},
		{Filter{Feeds: all, Lanes: []string{"live"}, Sites: []string{"a.b"}}, "saveris.readings.live.*.*.*.*.* saveris.alarms.live.*.*.*.*.*"},
		{Filter{Feeds: all, States: []string{"raised", "cleared"}, Severities: []string{"alarm"}}, "saveris.alarms.*.*.*.alarm.*.*"},
		{Filter{Feeds: readings, Quantities: []string{"Air_Temperature"}, Rejected: true}, "saveris.readings.*.*.*.*.*.air_temperature saveris.rejected.readings"},
		{Filter{Feeds: []string{"tasks", "alarms"}, Lanes: []string{"live"}, Rejected: true}, "saveris.tasks.live.*.*.* saveris.rejected.tasks saveris.alarms.live.*.*.*.*.* saveris.rejected.alarms"},
		{Filter{Feeds: []string{"devices", "health"}, Rejected: true}, "saveris.devices.> saveris.health.sensor.*.*.*.* saveris.health.bridge.*"},
		{Filter{Feeds: []string{"devices", "health", "tasks"}, Serials: []string{"7"}}, "saveris.devices.> saveris.health.sensor.*.*.7.*"},
		{Filter{Feeds: []string{"devices", "health", "alarms"}, States: []string{"raised"}}, "saveris.alarms.*.*.*.*.raised.*"},
		{Filter{Feeds: []string{"tasks", "readings"}, Serials: []string{"7"}}, "saveris.readings.*.*.*.7.*.*"},
		{Filter{Feeds: []string{"tasks", "alarms"}, States: []string{"raised"}}, "saveris.alarms.*.*.*.*.raised.*"},
		{Filter{Feeds: readings, Sites: []string{"8bb9264f"}}, "saveris.readings.*.*.*.*.*.*"},
		{Filter{Feeds: readings, Sites: []string{"8bb9264f-bbbb-4bbb-8bbb-bbbbbbbbbbbb"}}, "saveris.readings.*.*.8bb9264f-bbbb-4bbb-8bbb-bbbbbbbbbbbb.*.*.*"},
		{Filter{Feeds: readings, Serials: []string{"a/b", "a_b"}}, "saveris.readings.*.*.*.a_b.*.*"},
	} {
		if err := c.filter.Check(names); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range c.filter.subscriptions(names) {
			got = append(got, one.filter)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v asks for %v, want %s", c.filter, got, c.want)
		}
	}
}

func TestFiltersThatNoEventOfAFeedCanMatchAreRefused(t *testing.T) {
	for feed, filters := range map[string][]Filter{
		"tasks":   {{Sites: []string{"a"}}, {Serials: []string{"7"}}, {Quantities: []string{"q"}}, {States: []string{"raised"}}, {Severities: []string{"alarm"}}},
		"devices": {{Sites: []string{"a"}}, {Lanes: []string{"live"}}, {Quantities: []string{"q"}}},
		"health":  {{Lanes: []string{"live"}}, {Quantities: []string{"q"}}, {Severities: []string{"alarm"}}},
	} {
		for _, f := range filters {
			f.Feeds = []string{feed}
			if err := f.Check(names); err == nil || !strings.Contains(err.Error(), "the feed is "+feed) {
				t.Errorf("%+v: %v", f, err)
			}
		}
	}
}

func TestOfAWideSubjectOnlyWhatIsPickedIsTaken(t *testing.T) {
	f := Filter{Feeds: []string{"readings", "alarms"}, States: []string{"raised", "cleared"}, Severities: []string{"alarm"}, Serials: []string{"7", "8"}}
	if err := f.Check(names); err != nil {
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
		if got := f.subscriptions(names)[0].takes(subject); got != want {
			t.Errorf("%s: %v, want %v", subject, got, want)
		}
	}
}

func TestTailGoesOnWhereItWasAfterAnOutage(t *testing.T) {
	js, url := newBroker(t)
	link := bridgetest.LinkTo(t, url)
	store := func(uuid string) {
		t.Helper()
		seed.Store(t, js, schema.Readings, seed.FirstHour(), seed.Reading(uuid, "7", "1"))
	}
	run := start(t, bridgetest.JetStream(t, link.URL()), Config{Filter: Filter{Feeds: []string{"readings"}}, JSON: true})
	bridgetest.Await(t, "a reader", func(context.Context) bool { return consumers(t, js, schema.Readings) > 0 })
	link.Cut() // nothing has been shown yet
	store("u0")
	link.Mend()
	for i := range 4 {
		if line := run.next(); !strings.Contains(line, fmt.Sprintf(`"id":"u%d"`, i)) {
			t.Errorf("event %d is %s", i, line)
		}
		link.Cut()
		store(fmt.Sprintf("u%d", i+1))
		link.Mend()
	}
	run.next() // the last of them
	if err := js.DeleteStream(t.Context(), names.Stream(schema.Readings)); err != nil {
		t.Fatal(err)
	}
	openStreams(t, js)
	store("anew")
	if line := run.next(); !strings.Contains(line, `"id":"anew"`) {
		t.Errorf("of a stream that was made anew it shows %s", line)
	}
	run.end()
}

// consumers returns how many consumers the stream of readings has.
func consumers(t *testing.T, js jetstream.JetStream, feed schema.Feed) int {
	t.Helper()
	stream, err := js.Stream(t.Context(), names.Stream(feed))
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Consumers
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
