package saveris

import (
	"errors"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris/saveristest"
)

// Switches that meet in one code path, together.
func TestSwitchesThatMeetInAFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		settings string
		format   Format
		empty    bool // of rows
		want     error
	}{
		{"completed.links=nested file.count=n poll.fresh_urls=yes url.death=403 fault.expired_link=0.4", JSON, false, nil},
		{"completed.links=objects file.appears=404_first url.death=ExpiredToken fault.expired_link=0.4", JSON, false, nil},
		{"completed.links=string file.count=n file.appears=403_first file.duplicates=on", JSON, false, nil},
		{"completed.links=nested empty.result=[]", JSON, true, nil},
		{"completed.links=nested empty.result=null", JSON, true, nil},
		{"completed.links=object empty.result=missing x_file_content=present", JSON, true, nil},
		{"completed.links=string empty.result=[]", JSON, true, nil},
		{"completed.links=keys empty.result=[]", JSON, true, nil},
		{"completed.links=other_name empty.result=blank", JSON, true, nil},
		{"completed.links=camel empty.result=header-only", CSV, true, nil},
		{"json.layout=envelope empty.result=header-only", JSON, true, nil},
		{"json.layout=envelopes file.gzip=always gzip.tail=member file.last_newline=no", JSON, false, nil},
		{"json.layout=envelope file.gzip=content-encoding gzip.tail=zeros rows.extra_column=on json.null=null", JSON, false, nil},
		{"json.layout=envelope file.gzip=never fault.truncate=0.4", JSON, false, nil},
		{"json.layout=envelopes file.gzip=always gzip.tail=member fault.truncate=0.4", JSON, false, nil},
		{"file.gzip=always gzip.tail=zeros csv.quoting=none", CSV, false, nil},
		{"file.form=html file.gzip=content-encoding", CSV, false, ErrNotUnderstood},
		{"file.form=utf-16 json.layout=envelope file.appears=404_first", JSON, false, ErrNotUnderstood},
		{"file.form=message sync=array sync.limit=100", JSON, false, ErrNotUnderstood},
	} {
		t.Run(tt.settings, func(t *testing.T) {
			t.Parallel()
			cfg := saveristest.Config{World: saveristest.World{AlarmEvery: -1, Empty: tt.empty}}
			for setting := range strings.FieldsSeq(tt.settings) {
				key, value, _ := strings.Cut(setting, "=")
				if err := cfg.Set(key, strings.ReplaceAll(value, "_first", " first")); err != nil {
					t.Fatal(err)
				}
			}
			srv := startVendor(t, cfg)
			c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Format = tt.format })
			rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			switch {
			case tt.want != nil:
			case tt.empty:
				if len(rows) > 0 {
					t.Errorf("%d rows of an empty world", len(rows))
				}
			default:
				expectTruth(t, srv, rows, nil)
			}
		})
	}
}
