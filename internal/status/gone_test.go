package status

import (
	"testing"
	"time"

	"saveris-bridge/internal/schema"
)

func TestABridgeOfTheFleetAloneHasReadAllThereIs(t *testing.T) {
	t.Parallel()
	for fleet, want := range map[bool]int{true: 0, false: 1} {
		if got := New(nil, Config{Fleet: fleet}).Status().Problems(Rules{}); len(got) != want {
			t.Errorf("fleet %v: %v", fleet, got)
		}
	}
}

func TestNoBridgeRunsWhereNoneHasHeldALeaseForTwentySeconds(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		change func(*Board)
		want   bool
	}{
		"seen 20 s ago":    {func(b *Board) { b.heard = now.Add(-goneAfter) }, false},
		"seen longer ago":  {func(b *Board) { b.heard = now.Add(-goneAfter - time.Second) }, true},
		"never seen":       {func(*Board) {}, false},
		"alone on a store": {func(b *Board) { b.config.Alone = true }, true},
		"a lease is held": {func(b *Board) {
			b.heard = now.Add(-time.Minute)
			b.leases.entries[leaseKey(schema.Alarms)] = entry[string]{value: "host/7", at: now, seen: now}
		}, false},
		"the lease of the fleet is held": {func(b *Board) {
			b.heard = now.Add(-time.Minute)
			b.leases.entries[leaseKey(schema.Devices)] = entry[string]{value: "host/7", at: now, seen: now}
		}, false},
		"one polls without a lease": {func(b *Board) {
			b.heard = now.Add(-time.Minute)
			b.notes.entries[NotePrefix+"unleased.readings"] = entry[Note]{value: Note{Unleased: true}, at: now.Add(-time.Hour)}
		}, false},
		"one polled without a lease": {func(b *Board) {
			b.heard = now.Add(-time.Minute)
			b.notes.entries[NotePrefix+"unleased.readings"] = entry[Note]{value: Note{Unleased: true}, at: now.Add(-unleasedFor)}
		}, true},
	} {
		b := New(nil, Config{})
		c.change(b)
		if got := b.noBridge(now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestWhatWasSaidOfAFeedThatNobodyPollsIsOver: BRIDGE_FEEDS leaves it out by now, as the hint wants it. While no bridge is known to poll
// anything it is what is known of the feed.
func TestWhatWasSaidOfAFeedThatNobodyPollsIsOver(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		leads []schema.Feed
		want  int
	}{
		"nobody":       {nil, 2},
		"of the rest":  {[]schema.Feed{schema.Readings}, 1},
		"of all feeds": {[]schema.Feed{schema.Readings, schema.Tasks}, 2},
	} {
		b := New(nil, Config{})
		b.notes.entries[NotePrefix+"shut.tasks"] = entry[Note]{value: Note{Level: Bad, Feed: schema.Tasks, Text: "the vendor does not give tasks"}, at: now}
		b.notes.entries[NotePrefix+"clock"] = entry[Note]{value: Note{Text: "his clock is lost"}, at: now}
		for _, feed := range c.leads {
			b.leases.entries[leaseKey(feed)] = entry[string]{value: "host/7", at: now, seen: now}
		}
		b.draw(now)
		if got := b.status.Vendor; len(got) != c.want {
			t.Errorf("%s: %v, want %d", name, got, c.want)
		}
	}
}
