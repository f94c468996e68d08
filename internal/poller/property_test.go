package poller_test

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

func TestMain(m *testing.M) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "rapid.checks" })
	if !set { // each check is a vendor and a pair of streams of its own
		_ = flag.Set("rapid.checks", "15")
	}
	bridgetest.Main(m)
}

// TestWhateverHappensEachRowIsStoredOnce draws worlds, windows, faults, crashes and second writers, and holds streams and
// coverage against a model of what must be there. A failure shrinks to a short story.
func TestWhateverHappensEachRowIsStoredOnce(t *testing.T) {
	t.Parallel()
	server, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	js, err := jetstream.New(bridgetest.Connect(t, "", nats.InProcessServer(server)))
	if err != nil {
		t.Fatal(err)
	}
	stories := 0
	rapid.Check(t, func(t *rapid.T) {
		stories++
		s := newStory(t, js, fmt.Sprintf("s%d", stories))
		defer s.vendor.Close()
		t.Repeat(map[string]func(*rapid.T){
			"read a window":       s.read,
			"a row comes":         s.add,
			"a row comes twice":   s.addAgain,
			"a row changes":       s.revise,
			"garbage comes":       s.garbage,
			"the vendor stumbles": s.stumble,
			"the bridge crashes":  s.crash,
			"time passes":         s.pass,
			"":                    s.check,
		})
		s.end(t)
	})
}

// story is one run: a vendor, the streams of one prefix, two bridges without memory of each other, and the model.
type story struct {
	js     jetstream.JetStream
	config publish.Config
	vendor *saveristest.Server
	lines  [2]*poller.Line
	now    atomic.Int64 // vendor's clock, seconds after dayEnd
	rows   []saveristest.Measurement
	model  minutes // by minutes before dayEnd: has been read
}

// minutes are the last four hours before dayEnd; midnight lies three hours before it.
type minutes [240]bool

var storyStart = dayEnd.Add(3 * time.Hour).Truncate(time.Hour).Add(-4 * time.Hour) // 2026-11-23T22:00Z

func newStory(t *rapid.T, js jetstream.JetStream, prefix string) *story {
	s := &story{js: js, config: publish.Config{Names: publish.Names{Prefix: prefix}, Replicas: 1}}
	if err := publish.Open(context.Background(), js, s.config); err != nil {
		t.Fatal(err)
	}
	config := saveristest.Config{
		Record: true, World: saveristest.World{Empty: true},
		Now:      func() time.Time { return storyStart.Add(4*time.Hour + time.Duration(s.now.Load())*time.Second) },
		Switches: saveristest.Switches{QueryLatency: "zero", FileCount: "n", RangeEnds: rapid.SampledFrom([]string{"closed", "half-open"}).Draw(t, "range ends")},
	}
	var err error
	if s.vendor, err = saveristest.Start(config); err != nil {
		t.Fatal(err)
	}
	for i := range s.lines {
		s.lines[i] = s.line(t)
	}
	return s
}

// line makes a bridge that remembers nothing.
func (s *story) line(t *rapid.T) *poller.Line {
	client, err := saveris.New(saveris.Config{BaseURL: s.vendor.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond,
		RetryWait: time.Millisecond, ThrottledWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return &poller.Line{
		Source: client, Pool: poller.NewPool(1, func() *schema.Maker {
			return schema.NewMaker(schema.Readings, s.config.Names.Prefix, s.vendor.URL())
		}), Log: quietLog, MaxWait: time.Millisecond,
		Writer: publish.NewWriter(s.js, s.config, publish.Options{
			Feed: schema.Readings, Name: "story", LiveAge: time.Hour, Ages: ages, Now: func() time.Time { return storyStart },
		}),
	}
}

func minute(m int) time.Time { return storyStart.Add(time.Duration(m) * time.Minute) }

func (s *story) read(t *rapid.T) {
	from := rapid.IntRange(0, len(s.model)-5).Draw(t, "from")
	until := rapid.IntRange(from+5, len(s.model)).Draw(t, "until")
	line := s.lines[rapid.IntRange(0, 1).Draw(t, "bridge")]
	plan := &once{window: poller.Window{Span: checkpoint.Span{From: minute(from), Until: minute(until)}}}
	if err := line.Carry(context.Background(), plan, plan.window); err != nil {
		return // whatever was stored of it is there once; check and end see to that
	}
	for m := from; m < until; m++ {
		s.model[m] = true
	}
}

func (s *story) add(t *rapid.T) {
	at := minute(rapid.IntRange(0, len(s.model)-1).Draw(t, "at")).Add(time.Duration(rapid.IntRange(0, 59).Draw(t, "second")) * time.Second)
	m := row(fmt.Sprintf("row-%d", len(s.rows)), 0, fmt.Sprintf("%d.%d", rapid.IntRange(-30, 30).Draw(t, "value"), len(s.rows)%10))
	m.Timestamp, m.VisibleAt = at, at
	s.rows = append(s.rows, m)
	s.vendor.AddMeasurement(m)
}

func (s *story) some(t *rapid.T) saveristest.Measurement {
	if len(s.rows) == 0 {
		t.Skip("no row yet")
	}
	return rapid.SampledFrom(s.rows).Draw(t, "row")
}

func (s *story) addAgain(t *rapid.T) { s.vendor.AddMeasurement(s.some(t)) }

func (s *story) revise(t *rapid.T) {
	at := storyStart.Add(4*time.Hour + time.Duration(s.now.Load())*time.Second)
	s.vendor.ReviseMeasurement(s.some(t).UUID, at, fmt.Sprintf("%d.5", rapid.IntRange(40, 50).Draw(t, "new value")))
}

func (s *story) garbage(t *rapid.T) {
	s.vendor.AddRaw(saveristest.FeedMeasurements, minute(rapid.IntRange(0, len(s.model)-1).Draw(t, "at")), fmt.Sprintf(`{"uuid":"odd-%d","timestamp":"never"}`, rapid.IntRange(0, 9).Draw(t, "which")))
}

func (s *story) stumble(t *rapid.T) {
	s.vendor.Inject(saveristest.Fault{Kind: rapid.SampledFrom([]string{
		saveristest.FaultInternal, saveristest.FaultTimeoutStart, saveristest.FaultTruncate, saveristest.FaultCut, saveristest.FaultExpiredLink,
		saveristest.FaultNoSuchKey, saveristest.FaultExpiredToken, saveristest.FaultQueryError, saveristest.FaultForgotten,
	}).Draw(t, "fault")})
}

func (s *story) crash(t *rapid.T) { s.lines[rapid.IntRange(0, 1).Draw(t, "which")] = s.line(t) }

func (s *story) pass(t *rapid.T) { s.now.Add(int64(rapid.IntRange(1, 7200).Draw(t, "seconds"))) }

// check demands that just those minutes are covered that were read to the end; a window that failed may have been carried
// in part.
func (s *story) check(t *rapid.T) {
	covered, err := s.line(t).Writer.Covered(context.Background(), checkpoint.Span{From: storyStart, Until: minute(len(s.model))})
	if err != nil {
		t.Fatal(err)
	}
	for _, gap := range checkpoint.Gaps(covered, storyStart, minute(len(s.model))) {
		for m := range s.model {
			if in := !minute(m).Before(gap.From) && minute(m).Before(gap.Until); in && s.model[m] {
				t.Fatalf("minute %d was read to the end, but it is not covered", m)
			}
		}
	}
}

// end reads everything once more and lets the audit speak.
func (s *story) end(t *rapid.T) {
	line, span := s.line(t), checkpoint.Span{From: storyStart, Until: minute(len(s.model))}
	for tries := 0; ; tries++ {
		plan := &once{window: poller.Window{Span: span}}
		err := line.Carry(context.Background(), plan, plan.window)
		if err == nil {
			break
		}
		if tries > 100 { // each injected fault breaks one try
			t.Fatal(err)
		}
	}
	due := bridgetest.Due{From: span.From, Until: span.Until, AsOf: storyStart.Add(4*time.Hour + time.Duration(s.now.Load())*time.Second)}
	report, err := bridgetest.AuditReadings(context.Background(), s.js, s.config.Names.Stream(schema.Readings), s.vendor, due)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Clean() {
		t.Fatal(report)
	}
}
