// Package secret holds the type of every password, key and token: one that cannot be printed by accident.
package secret

import "log/slog"

const redacted = "[redacted]"

// Text is a secret. It prints as [redacted] under every fmt verb, slog and JSON; Reveal gives the text itself.
// The zero value is no secret at all: Set tells.
type Text struct{ text string }

// New makes a secret of a text.
func New(text string) Text { return Text{text} }

// Reveal returns the secret itself, for the one place that sends it.
func (t Text) Reveal() string { return t.text }

// Set reports whether there is a secret.
func (t Text) Set() bool { return t.text != "" }

// String hides the secret; an empty one stays empty.
func (t Text) String() string {
	if t.text == "" {
		return ""
	}
	return redacted
}

// GoString hides the secret under %#v.
func (t Text) GoString() string { return t.String() }

// LogValue hides the secret in logs.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText hides the secret in JSON and every other encoding.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a secret, for settings.
func (t *Text) UnmarshalText(text []byte) error {
	t.text = string(text)
	return nil
}
