package schema

import (
	"testing"

	"saveris-bridge/internal/saveris"
)

func TestValuesOutsideOfEvents(t *testing.T) {
	for _, tt := range []struct {
		form func(b, text []byte) ([]byte, bool)
		in   string
		want string // empty: none
	}{
		{AppendMoment, "2026-07-01T10:15:00.120Z", "2026-07-01T10:15:00.12Z"}, {AppendMoment, " 2026-07-01 10:15:00.000 ", "2026-07-01T10:15:00Z"},
		{AppendMoment, "2026-07-01T12:15:00+02:00", "2026-07-01T10:15:00Z"}, {AppendMoment, "soon", ""}, {AppendMoment, "", ""},
		{AppendInteger, "900000", "900000"}, {AppendInteger, " 9e5 ", "900000"}, {AppendInteger, "1.5", ""}, {AppendInteger, "x", ""}, {AppendInteger, "", ""},
		{AppendCanonical, ` {"b":[1.0, "x\u0041"],"a":null}`, `{"a":null,"b":[1,"xA"]}`}, {AppendCanonical, `{"a":1,"a":2}`, ""}, {AppendCanonical, `{"a":`, ""}, {AppendCanonical, "soon", ""},
		{AppendNumber, "7.50", "7.5"}, {AppendNumber, "0.0", "0"}, {AppendNumber, "NaN", ""}, {AppendNumber, "", ""},
	} {
		got, ok := tt.form([]byte("x"), []byte(tt.in))
		if ok != (tt.want != "") || string(got) != "x"+tt.want {
			t.Errorf("%q is %q, %v", tt.in, got, ok)
		}
	}
	for in, want := range map[string]string{
		" 6D1F9C4E-2b3a-4c5d-8e7f-9a0b1c2d3e4f ": `"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f"`, "6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f": `"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f"`,
		"R-0815": `"R-0815"`, `a"b`: `"a\"b"`, "NULL": "", "00000000-0000-0000-0000-000000000000": "", "": "", " ": "",
	} {
		if got := string(AppendUUID([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("%q is %s", in, got)
		}
	}
	if got := string(AppendText(nil, []byte("a\"\xff"))) + string(AppendText(nil, nil)); got != `"a\"`+"\ufffd"+`"""` {
		t.Errorf("texts are %s", got)
	}
	for want, f := range map[string]saveris.Field{
		`[1,"a b"]`: {Kind: saveris.Nested, Text: []byte("[1,\n \"a b\"]")}, `null`: {}, `"x"`: {Kind: saveris.String, Text: []byte("x")},
		`"NaN"`: {Kind: saveris.NotFinite, Text: []byte("NaN")}, `5.10`: {Kind: saveris.Number, Text: []byte("5.10")}, `"{"`: {Kind: saveris.Nested, Text: []byte("{")},
	} {
		if got := string(AppendVendor(nil, f)); got != want {
			t.Errorf("%s is %s", want, got)
		}
	}
	if UnitCode([]byte("CELSIUS")) != "Cel" || UnitCode([]byte("stones")) != "" {
		t.Error("units")
	}
}
