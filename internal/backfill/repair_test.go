package backfill_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/backfill"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// remove deletes the events at some places among those of the stream, counted from the end where they are negative, and returns
// their sequences.
func (s *scene) remove(places ...int) (removed []uint64) {
	s.Helper()
	held, err := s.js.Stream(s.Context(), stream)
	if err != nil {
		s.Fatal(err)
	}
	shown := vendorAt.Add(-time.Minute) // what is newer may be shown after vendorAt, where a run is slow, and the audit does not want it
	var seqs []uint64
	for seq := uint64(1); seq <= held.CachedInfo().State.LastSeq; seq++ {
		m, err := held.GetMsg(s.Context(), seq)
		if err != nil || !strings.HasPrefix(m.Subject, "saveris.readings.") {
			continue
		}
		if e, err := schema.ReadStored(m.Header, m.Data); err == nil && e.Time.Before(shown) {
			seqs = append(seqs, seq)
		}
	}
	for _, place := range places {
		if place < 0 {
			place += len(seqs)
		}
		if err := held.DeleteMsg(s.Context(), seqs[place]); err != nil {
			s.Fatal(err)
		}
		removed = append(removed, seqs[place])
	}
	return removed
}

// punctual has the vendor's rows come at once.
func (s *scene) punctual() {
	s.vendor.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.RowsLate = "off" })
}

func repair(c *backfill.Config) { c.Repair = true }

func TestRepairPutsBackWhatWasRemovedAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute, Sites: 3})
	s.punctual()
	s.fill(nil)
	asked := s.vendor.Count("submit")
	if out := s.fill(repair); !strings.Contains(out, "nothing is lacking") || s.vendor.Count("submit") > asked {
		t.Errorf("nothing was removed: %d exports\n%s", s.vendor.Count("submit")-asked, out)
	}
	s.remove(3, 4, 200, -1)
	s.later.Store(int64(2 * time.Second)) // so that what was read before is older
	s.fill(func(c *backfill.Config) { c.Reread = true })
	if report := s.audit(); report.Missing != 4 {
		t.Errorf("a re-read has put back some of 4: %v", report)
	}
	if out := s.forecast(repair); !strings.Contains(out, "readings: 4 events are lacking") {
		t.Error(out)
	}
	if out := s.fill(repair); !strings.Contains(out, "put back: 4 events") {
		t.Error(out)
	}
	s.clean()
	covered, err := checkpoint.NewBook(checkpoint.NewStream(s.js, stream, "saveris", "readings")).Records(t.Context(), []string{"2026-11-23"})
	if err != nil || !covered[0].Covered[0].From.Equal(s.start) {
		t.Errorf("a repair has read what nobody had asked for: %+v, %v", covered, err)
	}
	stored := s.messages(">")
	if out := s.fill(repair); !strings.Contains(out, "nothing is lacking") || s.messages(">") != stored {
		t.Errorf("once more: %d messages instead of %d\n%s", s.messages(">"), stored, out)
	}
}

func TestWhatCannotBePutBackIsListed(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Empty: true})
	at := vendorAt.Add(-70 * time.Minute)
	for i := range 3 {
		s.vendor.AddMeasurement(saveristest.Measurement{UUID: fmt.Sprintf("row-%d", i), ChannelNo: 1, SerialNo: "22011234", Timestamp: at.Add(time.Duration(i) * time.Second), Measurement: "4.7"})
	}
	s.punctual()
	s.fill(nil)
	own := pipeline.New(s.config(nil).Pipeline, s.js)
	w := publish.NewWriter(s.js, seed.Broker, publish.Options{Feed: schema.Readings, Name: "test", Now: time.Now, Accounts: own.Accounts})
	if _, err := w.Commit(t.Context(), "2026-11-23", []schema.Event{seed.Event(schema.Readings, "uuid", "nobody's", "timestamp", at.Format(time.RFC3339), "measurement", "4.7")}, nil); err != nil {
		t.Fatal(err)
	}
	removed := s.remove(0, 1, 2, 3)
	s.vendor.ReviseMeasurement("row-1", vendorAt.Add(-time.Minute), "9.9")
	for range 2 {
		out, err := s.try(repair)
		if code, advice := hint.Of(err); code != hint.Failed || !strings.Contains(err.Error(), "2 events that were removed cannot be put back") || !strings.Contains(advice, "backup") {
			t.Errorf("%v: %d, %s\n%s", err, code, advice, out)
		}
		for _, want := range []string{
			fmt.Sprintf("readings  2026-11-23  sequence %d  id row-1: the vendor shows its row with other content", removed[1]),
			fmt.Sprintf("readings  2026-11-23  sequence %d  entry ", removed[3]), ": the vendor shows no row that it is",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("it lacks %q:\n%s", want, out)
			}
		}
	}
	if n := s.messages("saveris.readings.>"); n != 3 { // two of the rows and a correction
		t.Errorf("%d events, want 3", n)
	}
}
