package saveristest

import (
	"slices"
	"strings"
	"sync"
)

// spelling is how one result writes what is the same row in any spelling: times, uuids, channel numbers, names of columns.
// Under a switch that says mixed the next result of the feed writes it in another way.
type spelling struct {
	fraction, time, uuid, channel, column string
	plain                                 bool // nothing but defaults
	cells                                 []cell
}

func spellingOf(sw *Switches, csv bool, turn uint64) spelling {
	s := spelling{
		fraction: one(sw.TimeFraction, turn, "none", "zeros", "nine"),
		time:     sw.CSVTime,
		uuid:     one(sw.UUIDCase, turn, "lower", "upper", "padded"),
		channel:  "integer",
		column:   one(sw.ColumnCase, turn, "snake", "upper", "camel", "padded"),
	}
	if !csv {
		s.time = one(sw.JSONTime, turn, "T", "blank", "UTC", "minutes")
		s.channel = one(sw.JSONChannelNo, turn, "integer", "float", "string", "exponent")
	}
	s.plain = s.fraction == "none" && s.time == "T" && s.uuid == "lower" && s.channel == "integer" && s.column == "snake"
	return s
}

// one is the value of a switch, or one of those that it is mixed of.
func one(value string, turn uint64, values ...string) string {
	if value == "mixed" {
		return values[turn%uint64(len(values))]
	}
	return value
}

// turns counts the results of each feed.
type turns struct {
	mu      sync.Mutex
	results map[string]uint64
}

func (t *turns) next(feed string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.results == nil {
		t.results = map[string]uint64{}
	}
	t.results[feed]++
	return t.results[feed]
}

// spell writes the cells of a row anew; they are valid until the next call.
func (s *spelling) spell(cells []cell) []cell {
	if s.plain {
		return cells
	}
	s.cells = append(s.cells[:0], cells...)
	for i := range s.cells {
		c := &s.cells[i]
		switch {
		case c.null():
		case c.kind == cellTime:
			c.text = s.spellTime(c.text)
		case c.kind == cellText && len(c.text) == 36 && (c.name == "customer_site" || strings.HasSuffix(c.name, "uuid")):
			c.text = s.spellUUID(c.text)
		case c.name == "channel_no":
			s.spellChannel(c)
		}
		c.name = s.name(c.name)
	}
	return s.cells
}

// spellTime writes a whole second of UTC with a fraction, or as Athena and Java do (inferred); other texts stay.
func (s *spelling) spellTime(text string) string {
	if len(text) != len(stamp) || text[10] != 'T' {
		return text
	}
	fraction := map[string]string{"zeros": ".000", "nine": ".000000000"}[s.fraction]
	athena := text[:10] + " " + text[11:19] + ".000"
	switch {
	case s.time == "blank":
		return athena
	case s.time == "UTC":
		return athena + " UTC"
	case s.time == "minutes" && text[16:19] == ":00":
		return text[:16] + "Z"
	}
	return text[:19] + fraction + "Z"
}

func (s *spelling) spellUUID(text string) string {
	switch s.uuid {
	case "upper":
		return strings.ToUpper(text)
	case "padded":
		return " " + text + "  "
	}
	return text
}

func (s *spelling) spellChannel(c *cell) {
	switch s.channel {
	case "float":
		c.text += ".0"
	case "exponent":
		c.text += "e0"
	case "string":
		c.kind = cellText
	}
}

// name spells the name of a column.
func (s *spelling) name(name string) string {
	switch s.column {
	case "upper":
		return strings.ToUpper(name)
	case "padded":
		return " " + name + " "
	case "camel":
		words := strings.Split(name, "_")
		for i, word := range words {
			if i > 0 {
				words[i] = strings.ToUpper(word[:1]) + word[1:]
			}
		}
		return strings.Join(words, "")
	}
	return name
}

// spellNames spells the names of a header.
func (s *spelling) spellNames(names []string) []string {
	names = slices.Clone(names)
	for i, n := range names {
		names[i] = s.name(n)
	}
	return names
}
