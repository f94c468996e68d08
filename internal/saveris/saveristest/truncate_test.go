package saveristest

import "testing"

// TestATruncatedFileEndsEarlyInARow: one that ended between two rows would look whole to everybody.
func TestATruncatedFileEndsEarlyInARow(t *testing.T) {
	for body, want := range map[string]string{
		"a,b,c\n1,2,3\n4,5,6\n":     "a,b,c\n1,2,3\n4",
		"a,b,c\n1,2,3\n4,5,6":       "a,b,c\n1",
		"a,b,c\n11,22,33\n":         "a,b,c\n11",
		`{"measurements":[1,2,3]}`:  `{"measur`,
		"":                          "",
		"a,b,c\n1,2,3\n4,5,6\n7,8,": "a,b,c\n1,2,3\n4",
	} {
		if got := body[:insideRow([]byte(body))]; got != want {
			t.Errorf("%q is cut to %q, want %q", body, got, want)
		}
	}
}
