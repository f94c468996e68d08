package verify

import (
	"fmt"
	"strings"
	"time"

	"saveris-bridge/internal/printable"
)

// Line returns what people see of the day: one line without its end.
func (d *Day) Line() string {
	line := fmt.Sprintf("%-8s  %-10s  vendor %9d  stored %9d  digest %s  ", d.Feed, d.Day, d.VendorRows, d.Stored, d.Digest)
	if d.Proven {
		line += "proven"
		if d.Corrections > 0 {
			line += fmt.Sprintf(", %d corrections", d.Corrections)
		}
		return line
	}
	var counts []string
	for _, c := range []struct {
		n    uint64
		name string
	}{{d.Missing, "missing"}, {d.Changed, "changed"}, {d.Unexpected, "unexpected"}, {d.Doubled, "doubled"}, {d.BadIndex, "bad index"}} {
		if c.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	return line + "NOT proven: " + strings.Join(counts, ", ")
}

// DifferenceLine returns what people see of a difference of the day: one line without its end, safe for a terminal.
func (d *Day) DifferenceLine(diff Difference) string {
	parts := []string{string(diff.Kind), d.Feed, d.Day}
	if diff.ID != "" {
		parts = append(parts, "id "+diff.ID)
	}
	if diff.Time != nil {
		parts = append(parts, diff.Time.Format(time.RFC3339Nano))
	}
	if diff.Subject != "" {
		parts = append(parts, "sensor "+diff.Subject)
	}
	if diff.Sequence > 0 {
		parts = append(parts, fmt.Sprintf("sequence %d", diff.Sequence))
	}
	return printable.Text(strings.Join(parts, "  ") + ": " + diff.Why)
}
