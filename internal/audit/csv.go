package audit

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// columns are those of the CSV.
var columns = []string{
	"tenant", "site", "serial_no", "channel_no", "quantity", "unit", "name_site", "name_equipment", "name_part", "name_area", "name_device", "name_sensor",
	"day", "cycle_seconds", "cycle_from", "due", "stored", "late", "missing", "first", "last", "min", "mean", "max", "mkt", "minutes_outside_warning", "minutes_outside_alarm",
}

// CSV writes a line for each channel and UTC day, with a header (RFC 4180); numbers are not rounded, what is not known is empty.
// A text that a spreadsheet would take for a formula begins with an apostrophe.
func (r *Report) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(columns); err != nil {
		return err
	}
	var failed error
	for _, c := range r.channels {
		n := Names{}
		if c.Names != nil {
			n = *c.Names
		}
		head := []string{c.Tenant, c.Site, c.Serial, c.No, c.Quantity, c.Unit, n.Site, n.Equipment, n.Part, n.Area, n.Device, n.Sensor}
		for i := range head {
			head[i] = noFormula(head[i])
		}
		for i, one := range r.rowsOf(c, &failed) {
			f := one.figures(c.Unit)
			line := append(head[:len(head):len(head)], r.day(i), cell(f.CycleSeconds), f.CycleFrom, cell(f.Due), cell(&f.Stored), cell(&f.Late), cell(f.Missing), cell(f.First), cell(f.Last),
				cell(f.Min), cell(f.Mean), cell(f.Max), cell(f.MKT), cell(f.MinutesOutsideWarning), cell(f.MinutesOutsideAlarm))
			if err := out.Write(line); err != nil {
				return err
			}
		}
		if failed != nil {
			return failed
		}
	}
	out.Flush()
	return out.Error()
}

func noFormula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func cell[T any](value *T) string {
	if value == nil {
		return ""
	}
	switch v := any(*value).(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case uint32:
		return strconv.FormatUint(uint64(v), 10)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return ""
}
