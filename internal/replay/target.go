package replay

import (
	"errors"
	"strings"

	"saveris-bridge/internal/schema"
)

// Target is where events are published: on one subject, or each under a prefix in place of its own.
type Target struct {
	subject string // without ">"
	under   bool
}

// errPattern says what a target has to look like.
var errPattern = errors.New("expected a subject such as replay.all, or one that ends in .> to keep what distinguishes the events: replay.>")

// maxTarget is how many bytes a target may have: a stored subject still fits behind it.
const maxTarget = 255

// ParseTarget reads a subject: one that ends in ".>" keeps the rest of the stored subject behind the feed's prefix.
func ParseTarget(text string) (Target, error) {
	prefix, under := strings.CutSuffix(text, ".>")
	if len(text) > maxTarget {
		return Target{}, errPattern
	}
	for token := range strings.SplitSeq(prefix, ".") {
		if token == "" || strings.ContainsAny(token, "*>") || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return Target{}, errPattern
		}
	}
	if prefix[0] == '$' || prefix[0] == '_' {
		return Target{}, errors.New("subjects that begin with $ or _ are those of NATS itself")
	}
	if under {
		prefix += "."
	}
	return Target{prefix, under}, nil
}

// Subject returns the subject for an event that is stored on another.
func (t Target) Subject(stored string) string {
	if !t.under {
		return t.subject
	}
	_, rest, _ := strings.Cut(stored, ".")
	return t.subject + rest
}

// Patterns are the subjects, which may end in ">", of all events of some feeds.
func (t Target) Patterns(feeds []schema.Feed) (list []string) {
	if !t.under {
		return []string{t.subject}
	}
	for _, feed := range feeds {
		for _, lane := range []schema.Lane{schema.Live, schema.History} {
			list = append(list, t.subject+string(feed)+"."+string(lane)+".>")
		}
	}
	return list
}
