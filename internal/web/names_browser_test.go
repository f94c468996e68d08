//go:build browser

package web

import (
	"fmt"
	"testing"
	"time"
)

// TestNamesFitWideAndNarrow: names of any length stand before serial numbers, on a phone too.
func TestNamesFitWideAndNarrow(t *testing.T) {
	s, r := trouble(time.Now().UTC())
	names := []string{"Fridge 1, Cooling compartment", "Air", "", "Walk-in freezer of the butcher's shop on the ground floor, Left compartment"}
	for i := range r.Sensors {
		if r.Sensors[i].Name = names[i%4]; i%4 != 2 {
			r.Sensors[i].SiteName = "Restaurant Musterstadt, Kitchen"
		}
	}
	for i := range r.Alarms {
		r.Alarms[i].Name, r.Alarms[i].SiteName = names[i%4], "Restaurant Musterstadt"
	}
	for _, width := range []int64{1280, 390} {
		b := open(t, newFake(s, r), width, 900)
		b.say(`document.querySelector("#readings tbody th").textContent.startsWith("Fridge 1, Cooling compartment ")`, "true")
		b.say(`document.getElementById("alarms").textContent.includes("Fridge 1, Cooling compartment")`, "true")
		b.fits()
		b.shoot(fmt.Sprint("names-", width))
		b.innocent()
	}
}
