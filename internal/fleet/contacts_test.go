package fleet

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"saveris-bridge/internal/schema"
)

// TestADeviceThatWasCutOffIsBack looks at devices again and again; times are minutes. Those of a cycle of ten minutes are cut off after thirty.
func TestADeviceThatWasCutOffIsBack(t *testing.T) {
	at := func(minute int) time.Time { return lookedAt.Add(time.Duration(minute) * time.Minute) }
	outage := func(from, until int) schema.Outage { return schema.Outage{Begun: at(from), Ended: at(until)} }
	type look struct {
		at    int
		heard []int // by device
	}
	for name, c := range map[string]struct {
		after int
		looks []look
		want  []schema.Outage
	}{
		"cut off and back":              {3, []look{{0, []int{-31}}, {15, []int{-31}}, {30, []int{25}}, {45, []int{45}}}, []schema.Outage{outage(-31, 25)}},
		"late, but not cut off":         {3, []look{{0, []int{-30}}, {15, []int{10}}}, nil},
		"heard more often than seen":    {3, []look{{0, []int{-5}}, {600, []int{595}}, {1200, []int{1195}}}, nil},
		"known since the start alone":   {3, []look{{0, []int{-5}}}, nil},
		"still cut off":                 {3, []look{{0, []int{-40}}, {15, []int{-40}}, {30, []int{-39}}}, nil},
		"cut off twice":                 {3, []look{{0, []int{-40}}, {15, []int{10}}, {60, []int{10}}, {75, []int{70}}}, []schema.Outage{outage(-40, 10), outage(10, 70)}},
		"many at once are one":          {3, []look{{0, []int{-31, -50, -300}}, {15, []int{12, 14, -200}}}, []schema.Outage{outage(-300, -200), outage(-50, 14)}},
		"not heard before":              {3, []look{{0, []int{-1_000_000_000}}, {15, []int{10}}}, nil},
		"never":                         {0, []look{{0, []int{-40}}, {15, []int{10}}}, nil},
		"nothing is known of its cycle": {3, []look{{0, []int{0, 0, 0, -400}}, {15, []int{0, 0, 0, 10}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inv, contacts := NewInventory(), &Contacts{After: c.after}
			for d := range 3 {
				data := fmt.Sprintf(`{"kind":"device","key":"%d","document":{"tenant_uuid":"t","device_uuid":"d%d","device_communication_log_time":600000,"sensors":[]},"changed":[],"removed":false}`, d, d)
				if err := inv.Load([]byte(data), 1); err != nil {
					t.Fatal(err)
				}
			}
			var got []schema.Outage
			for _, look := range c.looks {
				var rows []string
				for d, heard := range look.heard {
					rows = append(rows, fmt.Sprintf(`{"device_uuid":"d%d","tenant_uuid":"t","serial_no":"%d","last_communication_time":%q}`, d, d, at(heard).Format(time.RFC3339)))
				}
				seen := seenJSON(t, schema.KindDeviceStatus, rows...)
				seen.At = at(look.at)
				got = append(got, contacts.Back(seen, inv)...)
				inv.Compare(seen)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}
