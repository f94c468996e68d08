package fleet

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"saveris-bridge/internal/schema"
)

// object is a document, or an object within one.
type object struct {
	shape *shape
	cells []value  // by the shape's columns
	other []member // by name
	inner []*object
}

// member is a column that has no place of its own.
type member struct {
	name  string
	value value
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// get returns the value of a column as text: of a JSON string what it says, empty for null.
func (o *object) get(column string) string { return plain(o.cells[o.shape.cell(column)]) }

func plain(v value) string {
	if v == null {
		return ""
	}
	literal := string(v)
	if inside, quoted := strings.CutPrefix(literal, `"`); quoted {
		if inside = inside[:len(inside)-1]; strings.IndexByte(inside, '\\') < 0 {
			return inside
		}
		return unquoted(literal)
	}
	return literal
}

func unquoted(literal string) (text string) {
	_ = json.Unmarshal([]byte(literal), &text) // it is ours
	return text
}

// identity tells an object apart from others of its list; empty where it has nothing to.
func (o *object) identity() string {
	joined := ""
	for i, name := range o.shape.id {
		v := o.cells[o.shape.cell(name)]
		switch {
		case o.shape.joint && v == null:
			joined += "\x1f"
		case o.shape.joint:
			joined += string(v) + "\x1f"
		case v != null && i == 0:
			return string(v)
		case v != null:
			return strconv.Itoa(i) + string(v) // a serial number is no uuid
		}
	}
	if strings.Trim(joined, "\x1f") == "" {
		return ""
	}
	return joined
}

// set puts a column that has no place of its own; the first value of a name stays.
func (o *object) set(name string, v value) {
	at, found := slices.BinarySearchFunc(o.other, name, func(m member, name string) int { return strings.Compare(m.name, name) })
	if !found && v != null {
		o.other = slices.Insert(o.other, at, member{name, v})
	}
}

// otherValue is the value of a column that has no place of its own.
func (o *object) otherValue(name string) value {
	at, found := slices.BinarySearchFunc(o.other, name, func(m member, name string) int { return strings.Compare(m.name, name) })
	if !found {
		return null
	}
	return o.other[at].value
}

// appendJSON appends the object in one line; counting leaves out what is no change.
func (o *object) appendJSON(b []byte, counting bool) []byte {
	b = append(b, '{')
	from := len(b)
	for i, c := range o.shape.columns {
		if counting && c.volatile {
			continue
		}
		if len(b) > from {
			b = append(b, ',')
		}
		b = appendValue(append(b, c.head...), o.cells[i])
	}
	if o.shape.nest != "" {
		b = append(appendName(b, from, o.shape.nest), '[')
		for i, part := range o.inner {
			if i > 0 {
				b = append(b, ',')
			}
			b = part.appendJSON(b, counting)
		}
		b = append(b, ']')
	}
	return append(o.appendOther(b, from, counting), '}')
}

func (o *object) appendOther(b []byte, from int, counting bool) []byte {
	first := true
	for _, m := range o.other {
		if counting && volatile(m.name) {
			continue
		}
		if first {
			b = append(appendName(b, from, "other"), '{')
			from, first = len(b), false
		}
		b = appendMember(b, from, m.name, m.value)
	}
	if first {
		return b
	}
	return append(b, '}')
}

// appendName appends a name and a colon, behind a comma unless the object, which begins at from, is empty so far.
func appendName(b []byte, from int, name string) []byte {
	if len(b) > from {
		b = append(b, ',')
	}
	return append(schema.AppendText(b, []byte(name)), ':')
}

func appendMember(b []byte, from int, name string, v value) []byte {
	return appendValue(appendName(b, from, name), v)
}

func appendValue(b []byte, v value) []byte {
	if v == null {
		return append(b, "null"...)
	}
	return append(b, v...)
}

// usual is the size of most documents in bytes.
const usual = 2 << 10

// hash is 32 hex digits over what of the object counts as a change.
func (o *object) hash() string {
	sum := sha256.Sum256(o.appendJSON(make([]byte, 0, usual), true))
	return hex.EncodeToString(sum[:16])
}

// diff appends the JSON pointers of what has changed since before, in the order of the document.
func (o *object) diff(before *object, path string, out []string) []string {
	for i, c := range o.shape.columns {
		if o.cells[i] != before.cells[i] && !c.volatile {
			out = append(out, path+"/"+c.name)
		}
	}
	if !sameParts(o.inner, before.inner) {
		out = append(out, path+"/"+o.shape.nest)
	} else {
		for i, part := range o.inner {
			out = part.diff(before.inner[i], path+"/"+o.shape.nest+"/"+strconv.Itoa(i), out)
		}
	}
	return diffOther(o.other, before.other, path+"/other/", out)
}

func sameParts(a, b []*object) bool {
	return slices.EqualFunc(a, b, (*object).is)
}

// is reports whether two objects of a list are the same one: whether their identities are equal.
func (o *object) is(other *object) bool {
	for _, name := range o.shape.id {
		i := o.shape.cell(name)
		switch a, b := o.cells[i], other.cells[i]; {
		case o.shape.joint && a != b:
			return false
		case !o.shape.joint && (a != null || b != null):
			return a == b
		}
	}
	return true
}

func diffOther(now, before []member, path string, out []string) []string {
	if slices.Equal(now, before) {
		return out
	}
	names := map[string]bool{}
	for _, m := range append(slices.Clone(now), before...) {
		if !slices.Contains(now, m) || !slices.Contains(before, m) {
			names[m.name] = !volatile(m.name)
		}
	}
	for _, name := range sortedKeys(names) {
		if names[name] {
			out = append(out, path+strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
		}
	}
	return out
}

// changed reports whether anything that counts is different.
func (o *object) changed(before *object) bool { return len(o.diff(before, "", nil)) > 0 }

// keep takes over from before what the answer that o comes from could not have.
func (o *object) keep(before *object, c *coverage, level int) {
	o.keepUnless(o.switched(before), before, c, level)
}

// keepUnless is keep without what an older version has said of a sensor and the device says otherwise by now: whether it is active.
func (o *object) keepUnless(active value, before *object, c *coverage, level int) {
	for i, could := range c.cells[level] {
		if !could && o.cells[i] == null {
			o.cells[i] = before.cells[i]
		}
	}
	for _, m := range before.other {
		if stale := active != null && m.name == "sensor_is_active" && m.value != active; !stale && !c.other[level][m.name] {
			o.set(m.name, m.value)
		}
	}
	for _, part := range o.inner {
		if i := slices.IndexFunc(before.inner, part.is); i >= 0 {
			part.keepUnless(active, before.inner[i], c, level+1)
		}
	}
}

// switched returns whether a device is active, where that was not known of it before; null where it was, or it is none.
func (o *object) switched(before *object) value {
	i, device := o.shape.index["device_is_active"]
	if !device || o.cells[i] == before.cells[i] {
		return null
	}
	return o.cells[i]
}

// keepParts takes over from before what stood within it and may stand in rows that were not understood: not what was seen in another
// thing. Configurations tell nobody which of them another one replaces, so those of before are kept only where there is none.
func (o *object) keepParts(before *object, elsewhere map[string]bool) {
	none := len(o.inner) == 0
	for _, part := range before.inner {
		i := slices.IndexFunc(o.inner, part.is)
		switch {
		case i >= 0:
			o.inner[i].keepParts(part, nil)
		case elsewhere[part.identity()]:
		case !part.shape.joint || none:
			o.inner = append(o.inner, part)
		}
	}
	o.sort()
}

// refresh takes over what is no change from the same object at another time.
func (o *object) refresh(now *object) {
	for i, c := range o.shape.columns {
		if c.volatile {
			o.cells[i] = now.cells[i]
		}
	}
	o.other = now.other
	for i, part := range o.inner {
		part.refresh(now.inner[i])
	}
}

// sort brings the objects within into an order that does not depend on the vendor's.
func (o *object) sort() {
	slices.SortFunc(o.inner, func(a, b *object) int {
		x, y := a.identity(), b.identity()
		return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)) // 2 before 10
	})
	for _, part := range o.inner {
		part.sort()
	}
}

// newer reports whether o is the one to keep of two that should be the same: the later edited or processed, and where that says
// nothing the one with the greater text, so that the order of rows does not matter.
func (o *object) newer(than *object) bool {
	for i, c := range o.shape.columns {
		if c.volatile && o.cells[i] != than.cells[i] {
			return plain(o.cells[i]) > plain(than.cells[i])
		}
	}
	return string(o.appendJSON(nil, false)) > string(than.appendJSON(nil, false))
}
