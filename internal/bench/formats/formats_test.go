package main

import (
	"testing"
	"time"
)

func TestLiteralsThatWereSeenAreCounted(t *testing.T) {
	var l literals
	for _, text := range []string{"22.382542", "50.702335", "54.68093", "23.2315", "52.753", "21.796875", "1", ""} {
		if err := l.count(text); err != nil {
			t.Fatal(err)
		}
	}
	if l != (literals{Rows: 7, Float32: 7, Float64: 7, Widened: 2}) { // 21.796875 and 1 are whole in binary
		t.Errorf("%+v", l)
	}
}

func TestTimesAreWrittenAsTheVendorDoes(t *testing.T) {
	at := time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)
	if got := string(appendTime(nil, time.UnixMilli(at.UnixMilli()))); got != "2026-03-02T01:02:03Z" {
		t.Errorf("got %s", got)
	}
}
