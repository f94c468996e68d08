package audit

import (
	"bufio"
	"encoding/json"
	"io"
	"time"
)

// JSON writes the report as one JSON object; numbers are not rounded.
func (r *Report) JSON(w io.Writer) error {
	b := bufio.NewWriter(w)
	j := jsonWriter{b: b}
	head := struct {
		From    time.Time `json:"from"`
		Until   time.Time `json:"until"`
		Missing uint64    `json:"missing"`
	}{r.From, r.Until, r.Missing}
	j.open(head)
	j.text(`,"channels":[`)
	for i, c := range r.channels {
		if i > 0 {
			j.text(",")
		}
		j.channel(r, c)
	}
	j.text("\n]")
	tail := struct {
		Days     []FeedDay `json:"days"`
		Bridge   any       `json:"bridge"`
		Complete bool      `json:"complete"`
		MadeAt   time.Time `json:"made_at"`
		Prefix   string    `json:"prefix"`
		Streams  []string  `json:"streams"`
		Check    string    `json:"check"`
		NotRead  []NotRead `json:"not_read"`
		Faults   []string  `json:"faults"`
		Notes    []string  `json:"notes"`

		Corrections   uint64     `json:"corrections"`
		AlarmCount    int        `json:"alarm_count"`
		Alarms        []Alarm    `json:"alarms"`
		RejectedCount int        `json:"rejected_count"`
		Rejected      []Rejected `json:"rejected"`
	}{
		some(r.Days), map[string]string{"version": r.Version}, r.Complete(), r.MadeAt, r.Prefix, some(r.Streams), r.Check(), some(r.NotRead), some(r.Faults), some(r.Notes),
		r.Corrections, r.AlarmCount, some(r.Alarms), r.RejectedCount, some(r.Rejected),
	}
	j.members(tail)
	j.text("}\n")
	if j.err != nil {
		return j.err
	}
	return b.Flush()
}

// some makes a list of none one that is no null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// jsonWriter writes pieces of an object; the first error stays.
type jsonWriter struct {
	b   *bufio.Writer
	err error
}

func (j *jsonWriter) text(s string) {
	if j.err == nil {
		_, j.err = j.b.WriteString(s)
	}
}

// open writes an object without its last brace, members only what is between the braces, behind a comma.
func (j *jsonWriter) open(v any) { j.text("{"); j.inner(v) }

func (j *jsonWriter) members(v any) { j.text(","); j.inner(v) }

func (j *jsonWriter) inner(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		if j.err == nil {
			j.err = err
		}
		return
	}
	j.text(string(data[1 : len(data)-1]))
}

type jsonNames struct {
	Tenant    *string `json:"tenant"`
	Site      *string `json:"site"`
	Device    *string `json:"device"`
	Sensor    *string `json:"sensor"`
	Equipment *string `json:"equipment"`
	Part      *string `json:"part"`
	Area      *string `json:"area"`
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (n *Names) json() *jsonNames {
	if n == nil {
		return nil
	}
	return &jsonNames{orNull(n.Tenant), orNull(n.Site), orNull(n.Device), orNull(n.Sensor), orNull(n.Equipment), orNull(n.Part), orNull(n.Area)}
}

func (j *jsonWriter) channel(r *Report, c *channel) {
	j.text("\n")
	j.open(struct {
		Tenant    *string         `json:"tenant"`
		Site      *string         `json:"site"`
		SerialNo  *string         `json:"serial_no"`
		ChannelNo json.RawMessage `json:"channel_no"`
		Quantity  *string         `json:"quantity"`
		Unit      *string         `json:"unit"`
		Names     *jsonNames      `json:"names"`
	}{orNull(c.Tenant), orNull(c.Site), orNull(c.Serial), c.number(), orNull(c.Quantity), orNull(c.Unit), c.Names.json()})
	j.text(`,"days":[`)
	n := 0
	for i, one := range r.rowsOf(c, &j.err) {
		if n++; n > 1 {
			j.text(",")
		}
		j.text("\n ")
		j.open(struct {
			Day string `json:"day"`
			figures
		}{r.day(i), one.figures(c.Unit)})
		j.text("}")
	}
	j.text("]}")
}

// MarshalJSON writes an alarm with its value in the vendor's digits, and with null for what is empty. A literal that was cut is no number.
func (a Alarm) MarshalJSON() ([]byte, error) {
	value := json.RawMessage("null")
	if json.Valid([]byte(a.Value)) {
		value = json.RawMessage(a.Value)
	}
	return json.Marshal(struct {
		ID        string          `json:"id"`
		RaisedAt  time.Time       `json:"raised_at"`
		EndedAt   *time.Time      `json:"ended_at"`
		Minutes   float64         `json:"minutes"`
		Severity  *string         `json:"severity"`
		Kind      *string         `json:"kind"`
		Condition *string         `json:"condition"`
		Tenant    *string         `json:"tenant"`
		Site      *string         `json:"site"`
		Name      *string         `json:"name"`
		SiteName  *string         `json:"site_name"`
		SerialNo  *string         `json:"serial_no"`
		Quantity  *string         `json:"quantity"`
		Value     json.RawMessage `json:"value"`
		Unit      *string         `json:"unit"`
	}{
		a.ID, a.RaisedAt, a.EndedAt, a.Minutes, orNull(a.Severity), orNull(a.Kind), orNull(a.Condition), orNull(a.Tenant), orNull(a.Site),
		orNull(a.Name), orNull(a.SiteName), orNull(a.SerialNo), orNull(a.Quantity), value, orNull(a.Unit),
	})
}
