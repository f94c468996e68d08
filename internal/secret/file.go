package secret

import (
	"bytes"
	"os"
	"unicode/utf8"
)

// EncodingError says that a text is not UTF-8, and what it looks like instead. It shows nothing of the text.
type EncodingError struct{ Looks string }

// Error returns one line.
func (e *EncodingError) Error() string { return "it is " + e.Looks + ", not UTF-8" }

// marks are what other encodings begin with, the longer ones first: UTF-32 begins as UTF-16 does.
var marks = []struct{ mark, name string }{
	{"\xff\xfe\x00\x00", "UTF-32"},
	{"\x00\x00\xfe\xff", "UTF-32"},
	{"\xff\xfe", "UTF-16"},
	{"\xfe\xff", "UTF-16"},
}

// Decode returns a text without the byte order mark that editors put before UTF-8. It fails with an EncodingError on any
// other encoding: as a secret it would be refused by whoever is to be shown it, and nobody would see why.
func Decode(text []byte) ([]byte, error) {
	for _, m := range marks {
		if bytes.HasPrefix(text, []byte(m.mark)) {
			return nil, &EncodingError{m.name}
		}
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, &EncodingError{"UTF-16 without a mark, or binary"}
	}
	if !utf8.Valid(text) {
		return nil, &EncodingError{"another encoding"}
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

// ReadFile reads a file with a secret in it. It fails as os.ReadFile and Decode do.
func ReadFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Decode(text)
}
