package publish_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// TestAStreamThatIsEditedIsNamedAndWrittenAgainOnceItIsMended: the same writer meets the edit and its end.
func TestAStreamThatIsEditedIsNamedAndWrittenAgainOnceItIsMended(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*jetstream.StreamConfig)
		want string
	}{
		"atomic batches off":    {func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, "allow_atomic is false"},
		"no transform":          {func(c *jetstream.StreamConfig) { c.SubjectTransform, c.RePublish = nil, nil }, "subject transform is none"},
		"another transform":     {func(c *jetstream.StreamConfig) { c.SubjectTransform.Destination = "other.>" }, "subject transform is saveris-ingest.> to other.>"},
		"a subject less":        {func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:3] }, "subjects saveris-ingest.checkpoints.readings.> are missing"},
		"all subjects others":   {func(c *jetstream.StreamConfig) { c.Subjects = []string{"other.>"} }, "are missing (it has other.>)"},
		"what anybody says":     {func(c *jetstream.StreamConfig) { c.Subjects, c.RePublish = append(c.Subjects, "saveris.>"), nil }, "subject saveris.> is not expected"},
		"one message a subject": {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5000 }, "max_msgs_per_subject is 5000"},
	} {
		t.Run(name, func(t *testing.T) {
			js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
			w := newWriter(js, 0)
			commit(t, w, readings(0, 10), interval(0, time.Minute))
			edited := config.Stream(schema.Readings)
			c.edit(&edited)
			if _, err := js.UpdateStream(t.Context(), edited); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				_, err := w.Commit(t.Context(), day, readings(5, 20), interval(0, 2*time.Minute))
				var unfit *publish.Unfit
				if !errors.As(err, &unfit) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), stream) {
					t.Fatalf("got %v, want %q named", err, c.want)
				}
			}
			if n := len(stored(t, js, stream)); n != 12 {
				t.Errorf("%d messages were stored meanwhile", n-12)
			}
			if _, err := js.UpdateStream(t.Context(), config.Stream(schema.Readings)); err != nil {
				t.Fatal(err)
			}
			commit(t, w, readings(5, 20), interval(0, 2*time.Minute))
			checkOnce(t, js, readings(0, 20))
		})
	}
}

func TestAStreamMayTakeItsSubjectsByWildcards(t *testing.T) {
	t.Parallel()
	for subjects, want := range map[string]bool{
		"saveris-ingest.>":   true,
		"saveris-ingest.*.>": true,
		"*.*.>":              false, // it would take what is stored
		"saveris-ingest.readings.> saveris-ingest.rejected.* saveris-ingest.*.readings.>": true,
		"saveris-ingest.readings.> saveris-ingest.rejected.readings saveris-ingest.*.*":   false, // not a record of two tokens more
		"saveris.*.readings.>": false,
	} {
		have := config.Stream(schema.Readings)
		have.Subjects = strings.Fields(subjects)
		if err := config.CheckStream(schema.Readings, have); (err == nil) != want {
			t.Errorf("%s: %v", subjects, err)
		}
	}
}

// TestARemovedStreamIsMadeAgainThoughAnotherFeedsDoesNotFit: who writes tasks does not need the stream of alarms.
func TestARemovedStreamIsMadeAgainThoughAnotherFeedsDoesNotFit(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	edited := config.Stream(schema.Alarms)
	edited.MaxMsgsPerSubject = 5000
	if _, err := js.UpdateStream(t.Context(), edited); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), config.Names.Stream(schema.Tasks)); err != nil {
		t.Fatal(err)
	}
	w := publish.NewWriter(js, config, publish.Options{Feed: schema.Tasks, Name: "test", Ages: ages, Now: func() time.Time { return noon }})
	bridgetest.Await(t, "the stream, which has to be missing for a second", func(ctx context.Context) bool {
		_, err := w.Commit(ctx, day, nil, interval(0, time.Minute))
		return err == nil
	})
}

// TestNothingIsReportedAsUncoveredInAStreamThatDoesNotFit: the record would be stored where nobody looks for it.
func TestNothingIsReportedAsUncoveredInAStreamThatDoesNotFit(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	edited := config.Stream(schema.Readings)
	edited.SubjectTransform, edited.RePublish = nil, nil
	if _, err := js.UpdateStream(t.Context(), edited); err != nil {
		t.Fatal(err)
	}
	var unfit *publish.Unfit
	if cut, err := w.Uncover(t.Context(), day, checkpoint.Span{From: noon, Until: noon.Add(time.Minute)}); !errors.As(err, &unfit) {
		t.Errorf("uncovered %v (%v), want the transform named", cut, err)
	}
	own := newWriter(js, 0)
	own.Accounts = publish.NewAccounts(js, config, publish.AccountOf("https://vendor", "ada"))
	own.Accounts.Trust("")
	if was, err := own.Adopt(t.Context()); !errors.As(err, &unfit) {
		t.Errorf("adopted %+v (%v), want the transform named", was, err)
	}
	if n := len(stored(t, js, stream)); n != 12 {
		t.Errorf("%d messages were stored", n-12)
	}
}
