package fleet

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// partly is a source that counts what it is asked for, and refuses one feed.
type partly struct {
	rowsOf
	refused saveris.Feed
	asked   map[saveris.Feed]int
	newer   time.Time // than what the last question was for
}

func (p *partly) Snapshot(ctx context.Context, q saveris.SnapshotQuery, each func(*saveris.Row) error) (saveris.Answer, error) {
	p.asked[q.Feed]++
	p.newer = q.NewerThan
	if q.Feed == p.refused {
		return saveris.Answer{}, fmt.Errorf("read %s: %w", q.Feed, saveris.ErrForbidden)
	}
	return p.rowsOf.Snapshot(ctx, q, each)
}

// TestAKindThatIsRefusedIsAskedForOnceAnHour, where the others are looked at as ever. One refusal of what has been given before is no reason.
func TestAKindThatIsRefusedIsAskedForOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &partly{rowsOf: rowsOf{}, refused: saveris.Equipments, asked: map[saveris.Feed]int{}}
		for _, kind := range schema.FleetKinds {
			source.rowsOf[sources[kind].feed] = []string{}
		}
		w := NewWalker(source, NewInventory())
		w.Licence = time.Hour
		looks := func(n int) (refused bool) {
			for range n {
				err := w.Look(t.Context(), func(seen Look) error {
					if seen.Kind == schema.KindEquipment {
						refused = errors.Is(seen.Err, saveris.ErrForbidden)
					} else if seen.Err != nil {
						t.Errorf("%s: %v", seen.Kind, seen.Err)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(15 * time.Minute) // of the bubble: no clock runs
			}
			return refused
		}
		expect := func(what string, equipment, tenants int) {
			t.Helper()
			if got := source.asked; got[saveris.Equipments] != equipment || got[saveris.Tenants] != tenants {
				t.Errorf("%s: asked for equipment %d times and tenants %d times, want %d and %d", what, got[saveris.Equipments], got[saveris.Tenants], equipment, tenants)
			}
		}
		if !looks(4) {
			t.Error("the look does not say that equipment is refused")
		}
		expect("an hour", 1, 4)
		looks(4)
		expect("two hours", 2, 8)
		source.refused = ""
		if looks(4) {
			t.Error("equipment is still refused")
		}
		expect("it is given", 6, 12)
		source.refused = saveris.Equipments
		looks(2)
		expect("it may be a hiccup", 8, 14)
	})
}

// TestALookIsNewerThanTheOneBefore.
func TestALookIsNewerThanTheOneBefore(t *testing.T) {
	source := &partly{rowsOf: rowsOf{saveris.Tenants: {}}, asked: map[saveris.Feed]int{}}
	w := NewWalker(source, NewInventory())
	for _, want := range []time.Time{{}, lookedAt} {
		if w.kind(t.Context(), schema.KindTenant); !source.newer.Equal(want) {
			t.Errorf("asked for what is newer than %v, want %v", source.newer, want)
		}
	}
}
