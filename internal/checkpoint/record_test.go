package checkpoint

import (
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestDigestIsTheSumModulo128Bits(t *testing.T) {
	sum, digest := new(big.Int), Digest{}
	for i := range 1000 {
		e := NewEntry(strings.Repeat("x", i), uint32(i)*0x9e3779b9)
		sum.Add(sum, new(big.Int).SetBytes(e[:]))
		digest = digest.Add(e)
	}
	sum.Mod(sum, new(big.Int).Lsh(big.NewInt(1), 128))
	if want := sum.Text(16); strings.TrimLeft(digest.String(), "0") != want || len(digest.String()) != 32 {
		t.Errorf("digest %s, want %s", digest, want)
	}
	var back Digest
	if err := back.UnmarshalText([]byte(digest.String())); err != nil || back != digest {
		t.Errorf("read back %s: %v", back, err)
	}
}

func TestRecordsThatContradictThemselvesAreRefused(t *testing.T) {
	good := Record{Version: 1, Feed: "readings", Day: "2026-11-23", Batch: "b", Covered: []Interval{read(0, 10, 12)}}
	if _, err := good.Encode(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Record){
		"version":         func(r *Record) { r.Version = 2 },
		"feed":            func(r *Record) { r.Feed = "" },
		"batch":           func(r *Record) { r.Batch = "" },
		"day":             func(r *Record) { r.Day = "2026-13-01" },
		"another day":     func(r *Record) { r.Covered = []Interval{read(24*60, 24*60+5, 9)} },
		"empty interval":  func(r *Record) { r.Covered = []Interval{read(5, 5, 9)} },
		"overlap":         func(r *Record) { r.Covered = []Interval{read(0, 10, 9), read(5, 15, 9)} },
		"digest of none":  func(r *Record) { r.Digest = Digest{1, 2} },
		"a short account": func(r *Record) { r.Account = "0123" },
		"a login":         func(r *Record) { r.Account = "ada@example.com" },
		"rejected covers": func(r *Record) { r.Day = RejectedDay },
	} {
		bad := good
		spoil(&bad)
		if data, err := bad.Encode(); err == nil {
			t.Errorf("%s: written as %s", name, data)
		}
	}
}

func TestRecordSaysWhatTheContractSays(t *testing.T) {
	since := at(-60)
	r := Record{Version: 1, Feed: "readings", Day: "2026-11-23", Batch: "B", Writer: "host", Account: "0123456789abcdef", Since: &since}
	r = r.Next([]Entry{NewEntry("a", 7)}, &Interval{at(0), at(10), at(12), "export"}, ages)
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"version":1,"feed":"readings","day":"2026-11-23",` +
		`"covered":[{"from":"2026-11-23T00:00:00Z","until":"2026-11-23T00:10:00Z","read_at":"2026-11-23T00:12:00Z","route":"export"}],` +
		`"rows":1,"digest":"ca978112ca1bbdcafac231b300000007","batch":"B","writer":"host","account":"0123456789abcdef","since":"2026-11-22T23:00:00Z"}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
}

func TestASpanTouchesItsDays(t *testing.T) {
	for _, c := range []struct {
		span Span
		want string
	}{
		{Span{at(0), at(24 * 60)}, "2026-11-23"},
		{Span{at(-1), at(1)}, "2026-11-22 2026-11-23"},
		{Span{at(10), at(10)}, ""},
		{Span{at(10).In(time.FixedZone("", -11*3600)), at(20)}, "2026-11-23"},
	} {
		if got := strings.Join(c.span.Days(), " "); got != c.want {
			t.Errorf("%v touches %q, want %q", c.span, got, c.want)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"feed":"readings","day":"2026-11-23","covered":[{"from":"2026-11-23T00:00:00Z","until":"2026-11-23T00:10:00Z","read_at":"2026-11-23T00:12:00Z","route":"sync"}],"rows":3,"digest":"ca978112ca1bbdcafac231b300000007","batch":"x","writer":"w"}`))
	f.Add([]byte(`{"version":1,"feed":"alarms","day":"rejected","covered":[],"rows":0,"digest":"00000000000000000000000000000000","batch":"x","writer":""}`))
	f.Add([]byte(`{"version":1,"feed":"r","day":"0000-01-01","covered":null,"rows":18446744073709551615,"digest":"ffffffffffffffffffffffffffffffff","batch":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRecord(data)
		if err != nil {
			return
		}
		encoded, err := r.Encode()
		if err != nil {
			t.Fatalf("read %+v, but it cannot be written: %v", r, err)
		}
		again, err := ParseRecord(encoded)
		if err != nil {
			t.Fatalf("written as %s, but it cannot be read: %v", encoded, err)
		}
		next := again.Next([]Entry{NewEntry("id", 1)}, &Interval{midnight, at(1), at(2), "sync"}, ages)
		if next.Rows != r.Rows+1 || next.Digest == r.Digest {
			t.Fatalf("next record %+v does not follow %+v", next, r)
		}
	})
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 16))
	f.Add(make([]byte, 17))
	f.Fuzz(func(t *testing.T, body []byte) {
		entries, err := Entries(body)
		if (err == nil) != (len(body) > 0 && len(body)%EntrySize == 0) || err == nil && len(entries)*EntrySize != len(body) {
			t.Fatalf("%d bytes: %d entries, %v", len(body), len(entries), err)
		}
	})
}
