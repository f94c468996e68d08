package config

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"saveris-bridge/internal/bridgetest"
)

// Short names of what nearly every test needs.
var (
	with  = bridgetest.Env
	keyed = bridgetest.KeyedEnv
	file  = bridgetest.File
)

func load(t *testing.T, env Lookup) Settings {
	t.Helper()
	s, err := Load(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wide writes a text in UTF-16, as PowerShell and old editors do.
func wide(text string, order binary.AppendByteOrder, mark bool) string {
	var b []byte
	if mark {
		b = order.AppendUint16(b, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// otherEncodings are files that hold a text, but not in UTF-8.
func otherEncodings(text string) map[string]string {
	return map[string]string{
		"UTF-16 little endian": wide(text, binary.LittleEndian, true), "UTF-16 big endian": wide(text, binary.BigEndian, true),
		"UTF-16 without a mark": wide(text, binary.LittleEndian, false), "UTF-32": "\xff\xfe\x00\x00h\x00\x00\x00", "Latin-1": "\xe4" + text,
	}
}
