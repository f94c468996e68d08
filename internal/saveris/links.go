package saveris

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// member is one of an object's members as it stands in the text.
type member struct {
	name  string
	value jsontext.Value
}

// folded is the name without regard to case, _, - and blanks: the vendor has changed the spelling of names before.
func (m member) folded() string { return fold(m.name) }

func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '-' || r == ' ':
			return -1
		}
		return r
	}, name)
}

// membersOf takes a JSON object apart. A name that comes twice is two members.
func membersOf(text []byte) ([]member, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text), strictOption, jsontext.AllowDuplicateNames(true))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, errNoObject
	}
	var all []member
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		m := member{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		m.value = value.Clone()
		all = append(all, m)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(text[dec.InputOffset():])) > 0 {
		return nil, fmt.Errorf("%w: text follows it", errNoObject)
	}
	return all, nil
}

// elementsOf takes a JSON list apart that is known to be one.
func elementsOf(list jsontext.Value) (all []jsontext.Value) {
	dec := jsontext.NewDecoder(bytes.NewReader(list), strictOption, jsontext.AllowDuplicateNames(true))
	dec.ReadToken()
	for {
		value, err := dec.ReadValue()
		if err != nil {
			return all
		}
		all = append(all, value.Clone())
	}
}

// neverLinks are the members of a completed answer that hold no link to rows, whatever is in them.
var neverLinks = []string{"status", "requestuuid", "metadataurl", "metadataurls", "xfilecontent", "message", "error"}

// linksOf finds the links to the files of a completed answer, in whatever form they stand there, each once. None at all
// is believed only where nothing is left that could hold one; else it fails and names the member. So it does where the answer
// says that it is not all.
func linksOf(members []member) ([]string, error) {
	var others beside
	switch others.members(members, false); {
	case others.fault:
		return nil, errors.New("completed, but it says that something went wrong")
	case others.more:
		return nil, errors.New("completed, but it says that there are more links than it holds")
	}
	f := linkFinder{seen: map[string]bool{}}
	var odd, other, filled *member
	empty := false
	for i, m := range members {
		if slices.Contains(neverLinks, m.folded()) {
			continue
		}
		forLinks, before := isLinkName(m.folded()), f.found
		f.value(m.value, forLinks, 0)
		switch {
		case f.found > before:
		case isEmpty(m.value):
			empty = empty || forLinks
		case holdsRows(m.value, deepest):
			filled = &members[i]
		case forLinks:
			odd = &members[i]
		case couldLead(m.value):
			other = &members[i]
		}
	}
	switch {
	case f.linkless != "":
		return nil, fmt.Errorf("completed, but beside the links stands %s without one", f.linkless)
	case len(f.links) > 0:
		return f.links, nil
	case filled != nil:
		return nil, fmt.Errorf("completed, but there is no link, and %q holds rows itself", filled.name)
	case odd != nil:
		return nil, fmt.Errorf("completed, but %q is %s without a link", odd.name, kindOf(odd.value))
	case other != nil && !empty:
		return nil, fmt.Errorf("completed, but there is no link, and %q is %s without one", other.name, kindOf(other.value))
	case others.total > 0:
		return nil, errors.New("completed, but there is no link to the rows that it counts")
	}
	return nil, nil
}

// isLinkName: a member of such a name is there for links.
func isLinkName(folded string) bool {
	return slices.ContainsFunc([]string{"url", "urls", "uri", "uris", "link", "links", "href", "hrefs", "files", "locations"},
		func(end string) bool { return strings.HasSuffix(folded, end) })
}

// couldLead: an object, a list, or a text that looks like a place, may say where files are.
func couldLead(value jsontext.Value) bool {
	text := plainText([]byte(value))
	return value.Kind() == '{' || value.Kind() == '[' || strings.Contains(text, "://") ||
		strings.Contains(text, "/") && strings.Contains(text, ".")
}

// holdsRows reports whether a list in a value has an object with columns of a feed.
func holdsRows(value jsontext.Value, depth int) bool {
	switch {
	case depth == 0:
	case value.Kind() == '[':
		return slices.ContainsFunc(elementsOf(value), func(v jsontext.Value) bool { return isRow(v) || holdsRows(v, depth-1) })
	case value.Kind() == '{':
		members, _ := membersOf(value)
		return slices.ContainsFunc(members, func(m member) bool { return holdsRows(m.value, depth-1) })
	}
	return false
}

func isRow(value jsontext.Value) bool {
	members, _ := membersOf(value)
	found := 0
	for _, m := range members {
		if columnNames[Measurements][m.folded()] || columnNames[Alarms][m.folded()] {
			found++
		}
	}
	return found >= fewestColumns
}

// isEmpty: null, a blank text, and lists and objects that hold nothing else.
func isEmpty(value jsontext.Value) bool { return emptyWithin(value, deepest) }

func emptyWithin(value jsontext.Value, depth int) bool {
	switch value.Kind() {
	case 'n':
		return true
	case '"':
		return plainText([]byte(value)) == ""
	case '[':
		return depth > 0 && !slices.ContainsFunc(elementsOf(value), func(v jsontext.Value) bool { return !emptyWithin(v, depth-1) })
	case '{':
		members, err := membersOf(value)
		return depth > 0 && err == nil && !slices.ContainsFunc(members, func(m member) bool { return !emptyWithin(m.value, depth-1) })
	}
	return false
}

func kindOf(value jsontext.Value) string {
	switch value.Kind() {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case '0':
		return "a number"
	default:
		return string(value)
	}
}

// deepest is how many levels down links are looked for.
const deepest = 8

// linkFinder collects links.
type linkFinder struct {
	links    []string
	seen     map[string]bool
	found    int    // links, those that came twice included
	linkless string // an element of a list of links that is none
}

// value collects the links of a value. Where a list is there for links and has one, every element has to have one.
func (f *linkFinder) value(value jsontext.Value, forLinks bool, depth int) {
	if depth > deepest {
		return
	}
	switch value.Kind() {
	case '"':
		f.text(plainText([]byte(value)))
	case '[':
		f.list(value, forLinks, depth)
	case '{':
		members, _ := membersOf(value)
		for _, m := range members {
			if !slices.Contains(neverLinks, m.folded()) {
				f.text(m.name)
				f.value(m.value, isLinkName(m.folded()), depth+1)
			}
		}
	}
}

func (f *linkFinder) list(list jsontext.Value, forLinks bool, depth int) {
	before := f.found
	var without jsontext.Value
	for _, element := range elementsOf(list) {
		had := f.found
		if f.value(element, false, depth+1); f.found == had && !isEmpty(element) {
			without = element
		}
	}
	if forLinks && without != nil && f.found > before {
		f.linkless = kindOf(without)
	}
}

// text collects the links of a text: one, or several that blanks, commas or semicolons part. A list that was written into a
// text is read as well.
func (f *linkFinder) text(text string) {
	if text = strings.Trim(strings.TrimSpace(text), `[]"'`); !isLink(text) {
		return
	}
	for _, part := range partLinks(text) {
		if f.found++; !f.seen[part] {
			f.seen[part] = true
			f.links = append(f.links, part)
		}
	}
}

// partLinks cuts a text wherever another link begins behind something that parts them.
func partLinks(text string) (parts []string) {
	const between = " \t\r\n,;|\"'[]"
	from := 0
	for i := 1; i <= len(text); i++ {
		if i == len(text) || isLink(text[i:]) && strings.IndexByte(between, text[i-1]) >= 0 {
			parts = append(parts, strings.Trim(text[from:i], between))
			from = i
		}
	}
	return parts
}

func isLink(text string) bool {
	for _, scheme := range []string{"https://", "http://"} {
		if len(text) > len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}
