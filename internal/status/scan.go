package status

import (
	"bytes"
	"time"
)

// The data of an event is JSON that the bridge has written: its own fields come first, each of them is there, and a quote
// inside of a text is escaped. So the first place where a name stands between quotes and before a colon is the field. That
// costs a twentieth of decoding it, and a board begins with an hour of readings. In structured mode the attributes stand before
// the data: they have other names, and their quotes are escaped as well. What others have written may be told wrongly, and no
// more.

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

// moment reads a time; the zero time where there is none.
func moment(literal []byte) time.Time {
	at, err := time.Parse(time.RFC3339, string(literal))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
