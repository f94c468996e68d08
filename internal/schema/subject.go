package schema

import "strings"

// SubjectWithin reports whether all of a NATS subject lies in another one; both may have wildcards.
func SubjectWithin(subject, in string) bool {
	for {
		token, rest, more := strings.Cut(subject, ".")
		want, wanted, wantMore := strings.Cut(in, ".")
		switch {
		case want == ">":
			return true
		case token == ">" || want != "*" && want != token:
			return false
		case !more || !wantMore:
			return more == wantMore
		}
		subject, in = rest, wanted
	}
}

// SubjectsOverlap reports whether two NATS subjects, which may have wildcards, have one in common.
func SubjectsOverlap(a, b string) bool {
	for {
		first, as, more := strings.Cut(a, ".")
		second, bs, moreToo := strings.Cut(b, ".")
		switch {
		case first == ">" || second == ">":
			return true
		case first != second && first != "*" && second != "*":
			return false
		case !more || !moreToo:
			return more == moreToo
		}
		a, b = as, bs
	}
}
