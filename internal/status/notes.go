package status

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// Note is what a running bridge has found out about the vendor, or about itself, that people should know. It lies in the bucket of running
// exports under a key that begins with NotePrefix, for a day after the bridge wrote it last.
type Note struct {
	Level    Level       `json:"level,omitempty"` // as a problem; empty where it is none
	Feed     schema.Feed `json:"feed,omitempty"`  // empty where it is about no feed or all
	Text     string      `json:"text"`            // a sentence without its capital and dot; moments in it are UTC
	Since    time.Time   `json:"since"`
	Endpoint string      `json:"endpoint,omitempty"` // that will end
	Sunset   *time.Time  `json:"sunset,omitempty"`   // when it may stop to answer, where the vendor has named it
	Until    *time.Time  `json:"until,omitempty"`    // of being throttled: the note counts no longer
	// Unleased: the bridge polls without a lease, so that the want of one means nothing.
	Unleased bool `json:"unleased,omitempty"`
	// Own: it is about the bridge itself; what is read of the feed cannot be shown, so nothing else that is shown of the
	// feed is to be believed.
	Own bool `json:"own,omitempty"`
}

// NotePrefix is what keys of notes begin with.
const NotePrefix = "vendor."

// soon is how long before its sunset the end of an endpoint is a problem.
const soon = 30 * 24 * time.Hour

// unleasedFor is how long such a note is believed. A bridge writes its notes again every five minutes, an older one every six hours.
const unleasedFor = 12 * time.Hour

var errNoNote = errors.New("the key is not that of a note")

func parseNote(key string, data []byte) (n Note, err error) {
	if !strings.HasPrefix(key, NotePrefix) {
		return n, errNoNote
	}
	err = json.Unmarshal(data, &n)
	n.Text = words.Shortened(n.Text, longestNote)
	return n, err
}

// longestNote is how many characters of a note are shown.
const longestNote = 400

// sumUpNotes returns the notes, oldest first: those about the vendor, or those of the bridge's own.
func (b *Board) sumUpNotes(now time.Time, own bool) []Note {
	list, life := []Note{}, b.notes.life
	for _, e := range b.notes.entries {
		over := e.value.Until != nil && !e.value.Until.After(now) || b.left(e.value, now)
		if e.value.Own == own && !over && (life == 0 || now.Sub(e.at) < life) {
			list = append(list, e.value)
		}
	}
	slices.SortFunc(list, func(x, y Note) int { return cmp.Or(x.Since.Compare(y.Since), cmp.Compare(x.Text, y.Text)) })
	return list
}

// ofNotes are the notes that are problems: an announced end is one when it is near.
func (s Status) ofNotes() (list []Problem) {
	for _, n := range slices.Concat(s.Vendor, s.Bridge) {
		level := n.Level
		if n.Sunset != nil && n.Sunset.Sub(s.At) < soon {
			level = cmp.Or(level, Look)
		}
		if level != "" {
			list = append(list, Problem{level, n.Feed, n.Text})
		}
	}
	return list
}

// Throttled words until when the vendor wants to be left alone.
func Throttled(until, now time.Time) string {
	return "throttled (HTTP 429) until " + words.ClockSeconds(until, now)
}

// throttled returns until when the vendor wants to be left alone, as a bridge has noted, or as this one knows; zero where he does not.
func (s Status) throttled(here time.Time) time.Time {
	until := here
	for _, n := range s.Vendor {
		if n.Until != nil && n.Until.After(until) {
			until = *n.Until
		}
	}
	if !until.After(s.At) {
		return time.Time{}
	}
	return until
}

// shown reports whether what is read of a feed is shown, as far as a bridge has noted that it is not.
func (s Status) shown(feed schema.Feed) bool {
	return !slices.ContainsFunc(s.Bridge, func(n Note) bool { return n.Feed == feed })
}
