package schema

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestSubjectsMatchAsTheServerMatchesThem(t *testing.T) {
	var all []string
	under := []string{"a", "b", "*", ">"}
	for range 3 {
		all = append(all, under...)
		var longer []string
		for _, first := range []string{"a", "b", "*"} {
			for _, rest := range under {
				longer = append(longer, first+"."+rest)
			}
		}
		under = longer
	}
	for _, a := range all {
		for _, b := range all {
			if got, want := SubjectWithin(a, b), server.SubjectMatchesFilter(a, b); got != want {
				t.Errorf("%s within %s: %v", a, b, got)
			}
			if got, want := SubjectsOverlap(a, b), server.SubjectsCollide(a, b); got != want {
				t.Errorf("%s overlaps %s: %v", a, b, got)
			}
		}
	}
}
