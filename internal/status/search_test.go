package status

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"saveris-bridge/internal/schema"
)

func TestAPageMaySearchForFourWords(t *testing.T) {
	t.Parallel()
	s := newSensors()
	s.take("a", readingAt(base, "1"))
	long := strings.Repeat("x", 2*longestText)
	s.take("b", []byte(strings.ReplaceAll(string(readingAt(base, "1")), `"tenant":"T"`, `"tenant":"`+long+`"`)))
	for search, want := range map[string]int{"köln köln köln köln nothing": 2, "köln köln köln nothing": 0, "k%ln": 0, long: 1, "\xff": 0, "köln\n22": 2, "ln\u00a022": 2} {
		if got := len(shown(s, search)); got != want {
			t.Errorf("%.40q finds %d, want %d", search, got, want)
		}
	}
}

func TestReadingsComeInWhileManySearch(t *testing.T) { // for the race detector
	b := boardOf(t, 100)
	var searching sync.WaitGroup
	for _, search := range searches {
		searching.Go(func() {
			for range 200 {
				if r := b.Recent(search); len(r.Sensors) < 24 || len(r.Sensors[0].Points) == 0 {
					t.Errorf("%q finds %d", search, len(r.Sensors))
				}
			}
		})
	}
	for i := range 2000 {
		b.mu.Lock()
		b.sensors.take(fmt.Sprint(i%100), readingAt(base.Add(time.Duration(i)*time.Second), "1"))
		b.mu.Unlock()
		if i%10 == 0 {
			b.renew()
		}
	}
	searching.Wait()
}

// shown are the sensors that a board with these shows.
func shown(s *sensors, search string) []Sensor {
	return (&Board{sensors: s, alarms: newAlarms(), records: newBucket("", parseRecord)}).Recent(search).Sensors
}

func BenchmarkSearch(b *testing.B) {
	board := boardOf(b, 36_000)
	for name, search := range searches {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				board.renew()
				board.Recent(search)
			}
		})
	}
}

// BenchmarkStatusBesideSearches is how long what /metrics asks takes while fifty pages search as hard as they may.
func BenchmarkStatusBesideSearches(b *testing.B) {
	board := boardOf(b, 36_000)
	for range 50 {
		go func() {
			for b.Context().Err() == nil {
				board.Recent(searches["as many words as a page may send"])
			}
		}()
	}
	for b.Loop() {
		board.renew()
		board.Status()
	}
}

// renew has the board draw anew, as after a reading.
func (b *Board) renew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draw(time.Now())
}

var searches = map[string]string{"nothing": "", "two words": "site-3 temp", "as many words as a page may send": strings.Repeat("e ", 60)}

// boardOf is a board that knows so many channels.
func boardOf(t testing.TB, channels int) *Board {
	t.Helper()
	b := New(nil, Config{Feeds: []schema.Feed{schema.Readings}})
	for i := range channels {
		data := strings.Replace(string(readingAt(base.Add(time.Duration(i%900)*time.Second), "4.7")), `"site":"Köln`, fmt.Sprintf(`"site":"Site-%d`, i/24), 1)
		b.sensors.take(fmt.Sprint(i), []byte(data))
	}
	return b
}
