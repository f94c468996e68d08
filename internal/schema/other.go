package schema

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/saveris"
)

// other collects the columns that have no place of their own, as the members of a JSON object in the row's order.
type other struct {
	members []byte
	names   []string       // of the members, while they are few
	seen    map[string]int // by name: how many columns of that name there were
}

// fewNames is how many names are looked through; more of them, or one that comes twice, are looked up.
const fewNames = 8

func (o *other) reset() {
	if len(o.seen) > 1000 {
		o.seen = nil // clearing costs what the largest row has cost
	}
	clear(o.seen)
	o.members, o.names = o.members[:0], o.names[:0]
}

// add adds a column under the vendor's name with the vendor's value.
func (o *other) add(f saveris.Field) {
	if len(o.members) > 0 {
		o.members = append(o.members, ',')
	}
	o.members = appendText(o.members, []byte(o.name(f.Name)))
	o.members = append(o.members, ':')
	o.members = appendValue(o.members, f)
}

// name is the name, with a number if it is taken: readers of JSON keep one of two members of the same name at best.
func (o *other) name(name string) string {
	if !utf8.ValidString(name) {
		name = string([]rune(name))
	}
	if len(o.seen) == 0 {
		if len(o.names) < fewNames && !slices.Contains(o.names, name) {
			o.names = append(o.names, name)
			return name
		}
		if o.seen == nil {
			o.seen = map[string]int{}
		}
		for _, name := range o.names {
			o.seen[name] = 1
		}
	}
	unique := name
	for o.seen[unique] > 0 {
		o.seen[name]++
		unique = name + "~" + strconv.Itoa(o.seen[name])
	}
	o.seen[unique] = 1
	return unique
}

// appendOther ends an object with the member "other", if there is anything in it.
func appendOther[T string | []byte](b []byte, members T) []byte {
	if len(members) == 0 {
		return append(b, '}')
	}
	b = append(b, `,"other":{`...)
	b = append(b, members...)
	return append(b, "}}"...)
}

// appendValue appends a value as the vendor wrote it. A literal that turns out to be no JSON is text.
func appendValue(b []byte, f saveris.Field) []byte {
	if f.Kind != saveris.Null && f.Kind != saveris.String && !isJSON(f.Text) {
		f.Kind = saveris.String
	}
	if f.Kind == saveris.String || f.Kind == saveris.Nested {
		f.Text = validUTF8(f.Text)
	}
	return f.AppendJSON(b)
}

func isJSON(literal []byte) bool {
	return isNumber(literal) || jsontext.Value(literal).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
