package audit

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"time"
)

//go:embed report.html.tmpl
var page string

var pieces = template.Must(template.New("").Funcs(template.FuncMap{
	"stamp": stamp, "short": short, "r2": func(v *float64) string { return rounded(v, 2) }, "r0": func(v *float64) string { return rounded(v, 0) },
	"clock": func(t *time.Time) string {
		if t == nil {
			return "–"
		}
		return t.Format("15:04:05")
	},
	"unit": func(code string) string {
		switch code {
		case "Cel":
			return "°C"
		case "[degF]":
			return "°F"
		}
		return code
	},
	"count": func(n *uint32) string {
		if n == nil {
			return "?"
		}
		return strconv.FormatUint(uint64(*n), 10)
	},
}).Parse(page))

// HTML writes the report as one page without outside resources, made to be printed.
func (r *Report) HTML(w io.Writer) error {
	b := bufio.NewWriter(w)
	put := func(piece string, data any) error { return pieces.ExecuteTemplate(b, piece, data) }
	if err := put("head", r.head()); err != nil {
		return err
	}
	for _, c := range r.channels {
		months, err := r.months(c)
		if err != nil {
			return err
		}
		f := c.figures()
		err = put("calendar", map[string]any{
			"Title": c.title(), "Channel": c, "Months": months, "Due": c.due, "Stored": c.stored, "Late": c.late, "Missing": c.missing, "Figures": f,
		})
		if err != nil {
			return err
		}
	}
	if err := r.htmlDays(put); err != nil {
		return err
	}
	if err := put("foot", r.head()); err != nil {
		return err
	}
	return b.Flush()
}

func (r *Report) head() map[string]any {
	return map[string]any{"Report": r, "Sentence": r.sentence(), "Complete": r.Complete(), "Remarks": r.remarks(), "Check": r.Check(), "Channels": len(r.channels)}
}

// month is a month of a channel's calendar, in weeks from Monday to Sunday.
type month struct {
	Name  string
	Cells []calendarDay // those before the first have no number
}

type calendarDay struct {
	Number int    // of the day in its month; 0 = blank
	State  string // complete, missing, unknown or none
	Text   string // how many are missing
	Title  string
}

// months makes a channel's calendar.
func (r *Report) months(c *channel) (list []month, failed error) {
	byDay := map[int]calendarDay{}
	for i, one := range r.rowsOf(c, &failed) {
		cell := calendarDay{State: "complete", Text: "✓"}
		switch {
		case one.Basis == noBasis:
			cell.State, cell.Text = "unknown", "?"
		case one.Missing > 0:
			cell.State, cell.Text = "missing", strconv.FormatUint(uint64(one.Missing), 10)
		}
		cell.Title = fmt.Sprintf("%s: %d due, %d stored, %d missing", r.day(i), one.Due, one.Stored, one.Missing)
		byDay[i] = cell
	}
	for i, day := range r.days {
		if name := day.From.Format("January 2006"); len(list) == 0 || list[len(list)-1].Name != name {
			list = append(list, month{Name: name, Cells: make([]calendarDay, (int(day.From.Weekday())+6)%7)})
		}
		cell, some := byDay[i]
		if !some {
			cell.State = "none"
		}
		cell.Number = day.From.Day()
		last := &list[len(list)-1]
		last.Cells = append(last.Cells, cell)
	}
	return list, failed
}

// htmlDays writes a table for each day.
func (r *Report) htmlDays(put func(string, any) error) error {
	if err := put("days", nil); err != nil {
		return err
	}
	for i := range r.days {
		name := r.day(i)
		records := slices.DeleteFunc(slices.Clone(r.Days), func(d FeedDay) bool { return d.Day != name })
		if err := put("day", map[string]any{"Day": name, "Records": records}); err != nil {
			return err
		}
		for _, c := range r.channels {
			one, ok, err := r.table.row(i, int(c.index))
			if err != nil {
				return err
			}
			if !ok || one.empty() {
				continue
			}
			if err := put("row", map[string]any{"Title": c.title(), "Quantity": c.Quantity, "Unit": c.Unit, "Figures": one.figures(c.Unit)}); err != nil {
				return err
			}
		}
		if err := put("endday", nil); err != nil {
			return err
		}
	}
	return nil
}
