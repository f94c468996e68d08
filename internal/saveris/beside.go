package saveris

import (
	"bytes"
	"strconv"
	"strings"
)

// What stands beside the rows of an envelope or a synchronous answer may say that they are not all. Then they must not pass for all:
// what is not read would count as read, and what is not there as gone.

var (
	errFault = &foreignError{"it holds rows, and says that something went wrong"}
	errMore  = &foreignError{"it says that there are more rows than it holds"}
)

// moreNames are those of members, folded, that have a value only where there is more.
var moreNames = map[string]bool{
	"next": true, "nexttoken": true, "nextpage": true, "nextpagetoken": true, "nextlink": true, "@odata.nextlink": true, "nextcursor": true, "nextmarker": true, "nexturl": true,
	"continuation": true, "continuationtoken": true, "lastevaluatedkey": true, "hasmore": true, "hasnext": true, "hasnextpage": true, "morerows": true,
	"truncated": true, "istruncated": true, "partial": true, "incomplete": true,
}

// totalNames are those that say how many rows there are in all.
var totalNames = map[string]bool{
	"count": true, "@odata.count": true, "total": true, "totalcount": true, "totalrows": true, "totalitems": true, "totalelements": true, "totalrecords": true, "totalresults": true,
}

// beside is what stands beside rows.
type beside struct {
	fault, more bool
	total       int // the greatest number of rows that it speaks of
}

// value takes over a member that is neither object nor list, of which the text is as it is written, quotes included. Fault says that it
// stands within a member about what went wrong.
func (b *beside) value(name, text string, fault bool) {
	said := fold(strings.Trim(text, `" `))
	none := said == "" || said == "null" || said == "false" || said == "0"
	switch {
	case none:
	case fault, faultNames[name], name == "status" && (said == "error" || said == "failed"):
		b.fault = true
	case moreNames[name]:
		b.more = true
	case totalNames[name]:
		if n, err := strconv.Atoi(said); err == nil {
			b.total = max(b.total, n)
		}
	}
}

// list takes over a member that is a list without rows, or that there is one.
func (b *beside) list(name string, empty bool) {
	b.fault = b.fault || faultNames[name] && !empty
	b.more = b.more || moreNames[name] && !empty
}

// members takes over what stands in an object.
func (b *beside) members(all []member, fault bool) {
	for _, m := range all {
		switch name := m.folded(); m.value.Kind() {
		case '{':
			within, _ := membersOf(m.value) // it is valid
			b.more = b.more || moreNames[name] && len(within) > 0
			b.members(within, fault || faultNames[name])
		case '[':
			b.list(name, len(bytes.Trim(m.value, "[] \t\r\n")) == 0)
		default:
			b.value(name, string(m.value), fault)
		}
	}
}

// err is why what is read is not all, or nil.
func (b *beside) err() error {
	switch {
	case b.fault:
		return errFault
	case b.more:
		return errMore
	}
	return nil
}
