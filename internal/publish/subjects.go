package publish

import "strings"

// overlaps reports whether two subjects, which may have wildcards, have one in common.
func overlaps(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		switch {
		case as[i] == ">" || bs[i] == ">":
			return true
		case as[i] != bs[i] && as[i] != "*" && bs[i] != "*":
			return false
		}
	}
	return len(as) == len(bs)
}

// within reports whether all of a subject lies in another; both may have wildcards.
func within(subject, in string) bool {
	is, ws := strings.Split(subject, "."), strings.Split(in, ".")
	for i, w := range ws {
		switch {
		case i >= len(is):
			return false
		case w == ">":
			return true
		case is[i] == ">" || w != "*" && is[i] != w:
			return false
		}
	}
	return len(is) == len(ws)
}
