package poller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// diary reads windows and stores those that are not refused.
type diary struct {
	rejects
	maker *schema.Maker
	now   time.Time
	row   int
}

// window reads one with so many rows of each kind and takes it for stored if it is not refused.
func (d *diary) window(good, noTime, unread int) error {
	got := &buffer{events: map[string]*[]schema.Event{}, cover: checkpoint.Interval{ReadAt: d.now}}
	add := func(row *saveris.Row) {
		d.row++
		event := d.maker.Event(row, schema.Window{}, d.now)
		if event.Rejected && !row.Of(saveris.Measurements) {
			got.unread = append(got.unread, event.ID)
		}
		got.add(event)
	}
	withTime := func(stamp string) *saveris.Row {
		uuid := fmt.Sprint(d.row)
		return &saveris.Row{Raw: []byte(uuid), Fields: []saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: []byte(uuid)}, {Name: "timestamp", Kind: saveris.String, Text: []byte(stamp)},
		}}
	}
	for range good {
		add(withTime("2026-07-01T10:15:00Z"))
	}
	for range noTime {
		add(withTime("yesterday"))
	}
	for range unread {
		add(&saveris.Row{Raw: fmt.Appendf(nil, "oops %d", d.row), Err: errors.New("no JSON")})
	}
	if err := d.check(schema.Readings, got); err != nil {
		return err
	}
	fresh := d.unseen(got.eventsOf(checkpoint.RejectedDay))
	d.stored(got, fresh, fresh+good)
	return nil
}

func TestWhatCountsForTheThreshold(t *testing.T) {
	for name, tt := range map[string]struct {
		windows [][3]int // good ones, without a time, unreadable
		every   time.Duration
		refused int // the number of the window, 0 = none
	}{
		"one site without times, in small windows of its own": {[][3]int{{2, 1, 0}, {0, 9, 0}, {0, 9, 0}, {0, 9, 0}, {0, 9, 0}, {2, 9, 0}}, time.Hour, 0},
		"a large window without an event":                     {[][3]int{{9, 0, 0}, {0, 20, 0}}, time.Minute, 2},
		"a large window with one":                             {[][3]int{{1, 500, 0}, {1, 500, 0}}, time.Minute, 0},
		"no event for a day":                                  {[][3]int{{1, 0, 0}, {0, 9, 0}, {0, 9, 0}, {0, 9, 0}, {0, 1, 0}}, 8 * time.Hour, 4},
		"never an event":                                      {[][3]int{{0, 9, 0}, {0, 9, 0}, {0, 9, 0}, {0, 9, 0}, {0, 9, 0}}, 8 * time.Hour, 4},
		"few rows in a day, and no event":                     {[][3]int{{1, 0, 0}, {0, 3, 0}, {0, 3, 0}, {0, 3, 0}}, 24 * time.Hour, 0},
		"unreadable ones in small windows":                    {[][3]int{{9, 0, 0}, {0, 0, 9}, {0, 0, 9}, {0, 0, 9}}, time.Minute, 4},
		"unreadable ones beside as many others":               {[][3]int{{9, 0, 9}, {9, 0, 9}, {9, 0, 9}, {9, 0, 9}}, time.Minute, 0},
		"unreadable ones beside some without times":           {[][3]int{{1, 9, 10}, {1, 9, 10}, {1, 9, 10}}, time.Minute, 0},
		"a large window of unreadable ones":                   {[][3]int{{150, 0, 0}, {10, 0, 20}}, time.Minute, 2},
	} {
		d := &diary{maker: schema.NewMaker(schema.Readings, "saveris", "http://vendor"), now: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}
		refused := 0
		for i, w := range tt.windows {
			err := d.window(w[0], w[1], w[2])
			if err != nil && !errors.Is(err, ErrRejected) {
				t.Fatal(err)
			}
			if err != nil && refused == 0 {
				refused = i + 1
			}
			d.now = d.now.Add(tt.every)
		}
		if refused != tt.refused {
			t.Errorf("%s: window %d was refused, want %d", name, refused, tt.refused)
		}
	}
}

// A window that is read again counts once.
func TestGarbageThatIsReadAgainCountsOnce(t *testing.T) {
	t.Parallel()
	d := &diary{maker: schema.NewMaker(schema.Readings, "saveris", "http://vendor"), now: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}
	for i := range 10 {
		d.row = 0
		if err := d.window(5, 10, 10); err != nil {
			t.Fatalf("reading %d: %v", i+1, err)
		}
	}
}
