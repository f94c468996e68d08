package words

import (
	"slices"
	"testing"
	"time"
)

func TestLengthsOfTimeAreWorded(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m1s", time.Hour + 5*time.Second: "1h",
		25*time.Hour + 59*time.Minute: "1d1h", 400 * 24 * time.Hour: "400d",
	} {
		if got := Length(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	now := time.Now()
	for d, want := range map[time.Duration]string{-time.Hour: "in 1h", -time.Second: "just now", 0: "just now", 3 * time.Minute: "3m ago"} {
		at := now.Add(-d)
		if got := Ago(&at, now); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	if slices.Contains([]string{Seconds(1e300), Seconds(-1e300)}, "0s") {
		t.Error("what is beyond all measure is nothing")
	}
}

func TestTextsAreCutAtCharacters(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"abc", "abc"}, {"äöü", "äöü"}, {"äöüß", "äöü…"}, {"\xff", "\uFFFD"}, {"ab\xffcd", "ab\uFFFD…"}, {"", ""},
	} {
		if got := Shortened(c.text, 3); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.text, got, c.want)
		}
	}
}
