package fleet

import (
	"testing"
	"time"

	"saveris-bridge/internal/schema"
)

func TestNamesHoldTheNewestDirectory(t *testing.T) {
	n := NewNames()
	if n.Directory() != nil {
		t.Error("knows a fleet from the start")
	}
	select {
	case <-n.Known():
		t.Error("known from the start")
	default:
	}
	n.Set(NewInventory().Directory())
	<-n.Known()
	empty := n.Directory()
	if empty != n.Directory() {
		t.Error("another pointer for the same fleet")
	}
	n.Set(known(t, kitchen).Directory())
	if empty == n.Directory() {
		t.Error("the same pointer for another fleet")
	}
	if got := n.Directory().Channel([]byte("s1"), []byte("1")).Names(); got != fridgeNames {
		t.Error(got)
	}
	if n.Directory().Channel([]byte("s1"), []byte("1")).Steady() || !n.Directory().Channel([]byte("s2"), []byte("1")).Steady() {
		t.Error("limits of the night are steady, or none are not")
	}
	alarm := schema.AlarmPlace{Kind: "measurement alarm", Source: "s1", Property: "Temperature", Extension: "Unknown"}
	if got := n.Directory().Alarm(alarm).Limits(time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC), "Cel"); got != fridgeDay {
		t.Error(got)
	}
}

func TestAPlaceThatIsNotKnownAsksOnceForALook(t *testing.T) {
	n := NewNames()
	n.Set(known(t, kitchen).Directory())
	d := n.Directory()
	d.Channel([]byte("s1"), []byte("1"))
	asks := func(want bool, why string) {
		t.Helper()
		select {
		case <-n.Wanted():
			if !want {
				t.Error("asks for a look:", why)
			}
		default:
			if want {
				t.Error("asks for no look:", why)
			}
		}
	}
	asks(false, "a known channel")
	if d.Channel([]byte("new"), []byte("1")) != nil || d.Channel([]byte("new"), []byte("2")) != nil {
		t.Error("an unknown channel has a place")
	}
	asks(true, "two new channels")
	asks(false, "told already")
	d.Channel([]byte("new"), []byte("1"))
	asks(false, "the same channel")
	if d.Alarm(schema.AlarmPlace{Serial: "999"}) != nil {
		t.Error("an unknown sensor has a place")
	}
	asks(true, "an alarm of an unknown sensor")
}
