package schema

import (
	"bytes"
	"time"
)

// Point is what a reading adds to its channel.
type Point struct {
	Value      string    // the literal; empty for null
	MeasuredAt time.Time // UTC
	Received   time.Time // by the vendor's cloud; zero where the row has none
}

// ReadPoint reads the body of a reading's message, in either content mode, and reports whether it is one. It costs a twentieth of
// decoding it, and whoever begins to look on has an hour of readings before it.
//
// It relies on how Event.AppendData writes: the bridge's own fields come first, each of them is there, and a quote inside of a
// text is escaped. So the first place where a name stands between quotes and before a colon is the field. In structured mode the
// attributes stand before the data: they have other names, and their quotes are escaped as well. What others have written may be
// read wrongly, and no more.
func ReadPoint(body []byte) (p Point, ok bool) {
	value, rest := scalar(body, `"value":`)
	measured, rest := scalar(rest, `"measured_at":`)
	received, _ := scalar(rest, `"received_at":`)
	p = Point{string(value), readTime(string(measured)), readTime(string(received))}
	return p, !p.MeasuredAt.IsZero()
}

// ReadNames returns the field names of the body of a reading's message as it is, in either content mode; empty where it has none. It
// relies on what ReadPoint relies on.
func ReadNames(body []byte) []byte {
	_, rest, _ := bytes.Cut(body, []byte(`,"received_at":`))
	_, rest, _ = bytes.Cut(rest, []byte(`,`))
	rest, found := bytes.CutPrefix(rest, []byte(`"names":`))
	names, _, ended := bytes.Cut(rest, []byte(`,"limits":`))
	if !found || !ended || string(names) == "null" {
		return nil
	}
	return names
}

// ReadLimits returns the field limits likewise.
func ReadLimits(body []byte) []byte {
	_, rest, found := bytes.Cut(body, []byte(`,"limits":{`))
	end := bytes.IndexByte(rest, '}')
	if !found || end < 0 {
		return nil
	}
	start := len(body) - len(rest) - 1
	return body[start : start+end+2]
}

// scalar returns the literal of a field: a text without its quotes, or a number; empty for null, for what is not there, and
// for a text with escapes. The rest is what follows.
func scalar(data []byte, name string) (literal, rest []byte) {
	_, after, found := bytes.Cut(data, []byte(name))
	if !found || len(after) == 0 {
		return nil, data
	}
	if after[0] == '"' {
		end := bytes.IndexByte(after[1:], '"')
		if end < 0 || bytes.IndexByte(after[1:1+end], '\\') >= 0 {
			return nil, after
		}
		return after[1 : 1+end], after[1+end:]
	}
	end := bytes.IndexAny(after, ",}")
	if end < 0 || string(after[:end]) == "null" {
		return nil, after
	}
	return after[:end], after[end:]
}
