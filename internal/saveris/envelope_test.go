package saveris

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"saveris-bridge/internal/saveris/saveristest"
)

// rowNo is a row of the vendor's, small enough for tables of tests.
func rowNo(n int) string {
	return fmt.Sprintf(`{"uuid":"%d","timestamp":"2026-07-01T10:15:00Z","measurement":4.7}`, n)
}

// uuidsOf reads a file of measurements and gives the uuids of its rows; broken ones as "broken".
func uuidsOf(src io.Reader, format Format, feed Feed) (uuids []string, err error) {
	_, err = decode(src, format, feed, func(r *Row) error {
		uuids = append(uuids, uuidOf(r))
		return nil
	})
	return uuids, err
}

func uuidOf(r *Row) string {
	for _, f := range r.Fields {
		if fold(f.Name) == "uuid" {
			return string(f.Text)
		}
	}
	if r.Err != nil {
		return "broken"
	}
	return "other"
}

func TestRowsInAnEnvelopeAreRead(t *testing.T) {
	t.Parallel()
	rows := rowNo(1) + "," + rowNo(2)
	nested := `{"uuid":"1","timestamp":"2026-07-01T10:15:00Z","measurement":4.7,"calibrations":[{"serial_no":"x","model_code":"y"}],"extra":{"timestamp":1,"uuid":2,"a":[1]}}`
	for _, tt := range []struct {
		text string
		want string
		err  error
	}{
		{`{"measurements":[` + rows + `]}`, "1 2", nil},
		{"\ufeff \n{\n \"measurements\" : [\n" + rows + "\n]\n}\n", "1 2", nil},
		{`{"status":"ok","tenant_uuid":"t","rows":[` + rows + `],"count":2,"next":null}`, "1 2", nil},
		{`{"columns":["x",{"y":1}],"n":{"a":[{"b":3}]},"anything" : [ ` + rows + ` ], "warnings":["]"]}`, "1 2", nil},
		{`{"data":{"rows":[` + rows + `]}}`, "1 2", nil},
		{`{"data":{"page":{"items":[` + rows + `]}}}`, "1 2", nil},
		{`{"a":[` + rowNo(1) + `],"b":[` + rowNo(2) + `]}`, "1 2", nil},
		{`{"m":[` + rowNo(1) + `]}` + "\n" + `{"m":[` + rowNo(2) + `]}` + "\n", "1 2", nil},
		{`{"m":[` + rowNo(1) + `]}{"m":[]}{"m":[` + rowNo(2) + `]}`, "1 2", nil},
		{`[{"m":[` + rowNo(1) + `]},` + rowNo(2) + `]`, "1 2", nil},
		{`{"m":[` + rowNo(1) + `]}` + "\n" + rowNo(2), "1 2", nil},
		{rowNo(1) + "\n" + `{"m":[` + rowNo(2) + `]}`, "1 2", nil},
		{`{"m":[` + rowNo(1) + `,null,{"uuid":]},` + rowNo(2) + `]}`, "1 broken broken 2", nil},
		{`{"m":[{"uuid":"1","timestamp":"x","measurement":NaN},` + rowNo(2) + `]}`, "1 2", nil},
		{`{"m":[{"UUID":"1","Time-Stamp":"x","Measurement":1}]}`, "1", nil},
		{`{"measurements":[]}`, "", nil},
		{`{"status":"ok","data":{"rows":[ ]},"page":1}`, "", nil},
		{rowNo(1) + ",\n" + rowNo(2) + ",\n", "1 2", nil},
		{",\n" + rowNo(1), "broken 1", nil},
		{"uuid, timestamp, measurement\n1,2026-07-01T10:15:00Z,4.7\n", "1", nil},
		{`{"data":[],"errors":[],"error":null,"message":"done"}`, "", nil},
		{`[` + rowNo(1) + `][` + rowNo(2) + `]`, "1 2", nil},
		{`[` + rowNo(1) + `]` + "\n" + `[]` + "\n" + `[` + rowNo(2) + `]` + "\n", "1 2", nil},
		{`{"columns":["uuid","timestamp"],"measurements":[],"sizes":[1,2]}`, "", nil},
		{`{"m":[` + nested + `,` + rowNo(2) + `]}`, "1 2", nil},
		{nested + "\n" + rowNo(2), "1 2", nil},
		{`[` + nested + `,` + rowNo(2) + `]`, "1 2", nil},
		{rowNo(1) + "\n" + `{"log":[{"a":1}]}` + "\n" + `{"m":[1]}` + "\n" + rowNo(2), "1 other other 2", nil},

		{`{"next_token":"","has_more":false,"truncated":false,"nextLink":null,"errors":[],"error":{},"total":7,"m":[` + rows + `],"status":"ok","next":0,"warnings":["x"]}`, "1 2", nil},
		{`{"uuid":"x","timestamp":"2026-07-01T10:15:00Z","m":[` + rows + `]}`, "1 2", nil},
		{`{"m":[` + rows + `],"error":"half of it"}`, "1 2", errForeign},
		{`{"m":[` + rows + `],"Errors":["half of it"]}`, "1 2", errForeign},
		{`{"m":[` + rows + `],"error":{"code":"x"}}`, "1 2", errForeign},
		{`{"status":"Error","m":[` + rows + `]}`, "1 2", errForeign},
		{`{"m":[` + rows + `],"next_token":"abc"}`, "1 2", errForeign},
		{`{"@odata.nextLink":"https://x/y?skip=1000,:","m":[` + rows + `]}`, "1 2", errForeign},
		{`{"data":{"m":[` + rows + `],"hasMore" : true}}`, "1 2", errForeign},
		{`{"m":[` + rows + `],"paging":{"note":"[{,","":"","next":2}}`, "1 2", errForeign},
		{`{"m":[],"next":"abc"}`, "", errForeign},
		{`{"sensor_uuid":"s","channel_no":1,"rows":[` + rows + `]}`, "", errForeign},
		{rowNo(1) + "\n" + `{"sensor_uuid":"s","channel_no":1,"rows":[` + rows + `]}`, "1", errForeign},
		{`[{"sensor_uuid":"s","serial_no":"1","rows":[` + rows + `]}]`, "", errForeign},

		{`{"m":[` + rows, "1", io.ErrUnexpectedEOF},
		{`{"m":[` + rows + `]`, "1 2", io.ErrUnexpectedEOF},
		{`{"m":[` + rowNo(1) + `,{"uuid":"2`, "1", io.ErrUnexpectedEOF},
		{`{"m":[` + rowNo(1) + `]} x`, "1", errTrailing},
		{`{"m":[` + rowNo(1) + `]}` + "\n]", "1", errTrailing},
		{`{"measurements":[{"id":1,"value":2}]}`, "other", errForeign},
		{`{"measurements":[1,2]}`, "other", errForeign},
		{`{"columns":["uuid","timestamp"],"rows":[["1","2"]],"more":[]}`, "other", errForeign},
		{`{"errors":[],"measurements":[{"id":1}]}`, "other", errForeign},
		{`{"rows":[["1","2026-07-01T10:15:00Z",4.7]]}`, "other", errForeign},
		{`{"measurements":null}`, "other", errForeign},
		{`{"status":"Error","message":"Query exhausted resources","errors":[]}`, "other", errForeign},
		{`{"error":{"code":1,"details":[]}}`, "other", errForeign},
		{`{"Error":"Query exhausted resources","data":[]}`, "other", errForeign},
		{`{"status":" FAILED ","data":[]}`, "other", errForeign},
		{`{"uuid":["1","2"],"timestamp":["2026-07-01T10:15:00Z","2026-07-01T10:30:00Z"],"measurement":[1,2]}`, "[\"1\",\"2\"]", errForeign},
		{`{"data":` + rowNo(1) + `}`, "other", errForeign},
		{`{}`, "other", errForeign},
	} {
		for _, how := range []func(io.Reader) io.Reader{plain, iotest.OneByteReader, packed} {
			uuids, err := uuidsOf(how(strings.NewReader(tt.text)), JSON, Measurements)
			if got := strings.Join(uuids, " "); got != tt.want || !isError(err, tt.err) {
				t.Errorf("%s\ngot  %s, %v\nwant %s, %v", tt.text, got, err, tt.want, tt.err)
			}
		}
	}
}

// errForeign stands for a *foreignError.
var errForeign = errors.New("foreign")

func isError(err, want error) bool {
	var foreign *foreignError
	return want == errForeign && errors.As(err, &foreign) || errors.Is(err, want)
}

// A synchronous answer is read by the same reader, but it is never empty and no CSV.
func TestSynchronousAnswers(t *testing.T) {
	t.Parallel()
	rows := rowNo(1) + "," + rowNo(2)
	for text, want := range map[string]error{
		`[` + rows + `]`:                                           nil,
		`{"measurements":[` + rows + `]}`:                          nil,
		`{"data":{"rows":[` + rows + `]}}`:                         nil,
		rowNo(1) + "\n" + rowNo(2):                                 nil,
		`{"total":2,"rows":[` + rows + `]}`:                        nil,
		`{"rows":[` + rows + `],"total":3}`:                        errForeign,
		`{"rows":[` + rows + `],"next":"x"}`:                       errForeign,
		`{"status":"Error","message":"no, [{}]"}`:                  errNoList,
		`{"message":"Internal server error"}`:                      errNoList,
		`{"timestamp":"x","status":500,"path":"/v1/measurements"}`: errNoList,
		`{}`:                       errNoList,
		``:                         errNoList,
		`null`:                     errNoList,
		`<html>no</html>`:          errNoList,
		"uuid,timestamp\n1,2":      errNoList,
		`{"rows":[` + rows:         io.ErrUnexpectedEOF,
		`{"rows":[` + rows + `]`:   io.ErrUnexpectedEOF,
		`{"rows":[` + rows + `]}x`: errTrailing,
		`[1,2]`:                    errForeign,
		`[{"message":"no"}]`:       errForeign,
	} {
		var uuids []string
		_, err := decodeList(strings.NewReader(text), Measurements, func(r *Row) error { uuids = append(uuids, uuidOf(r)); return nil })
		if !isError(err, want) || want == nil && fmt.Sprint(uuids) != "[1 2]" || want == errNoList && len(uuids) > 0 {
			t.Errorf("%s: got %q, %v; want %v", text, uuids, err, want)
		}
	}
}

// An envelope of any size is read with the memory of any other file, and what stands before its rows may be long too.
func TestAHugeEnvelopeNeedsNoMemory(t *testing.T) {
	const n = 100_000
	pages := []io.Reader{strings.NewReader(`{"note":"`), &endless{'x', 3 << 20}, strings.NewReader(`","columns":["x"],"data":{"measurements":[` + rowNo(0))}
	list := &again{piece: []byte(",\n" + rowNo(1)), times: n}
	pages = append(pages, list, strings.NewReader(`],"after":"`), &endless{'x', 3 << 20}, strings.NewReader(`"}}`))
	rows, used := 0, uint64(0)
	var err error
	used = allocated(func() { rows, err = decode(io.MultiReader(pages...), JSON, Measurements, nothing) })
	if err != nil || rows != n+1 || used > 2<<20 {
		t.Errorf("%d rows, %v, %d bytes allocated", rows, err, used)
	}
	short := strings.Repeat(`{"measurements":[`+strings.Repeat(rowNo(1)+",", 499)+rowNo(2)+`]}`+"\n", 100)
	used = allocated(func() { rows, err = decode(strings.NewReader(short), JSON, Measurements, nothing) })
	if err != nil || rows != 50_000 || used > 24<<20 {
		t.Errorf("%d rows of short ones, %v, %d bytes allocated", rows, err, used)
	}
}

// The vendor's envelopes are read by one export each, whether they hold one list or many.
func TestEnvelopesOfTheVendor(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"envelope", "envelopes"} {
		srv := startVendor(t, saveristest.Config{World: saveristest.World{AlarmEvery: 2 * 3600e9}, Switches: saveristest.Switches{JSONLayout: layout}})
		c := newClient(t, srv.URL())
		measurements, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
		if err != nil {
			t.Fatalf("%s: %v", layout, err)
		}
		alarms, err := read(t.Context(), c, Query{Feed: Alarms, From: from, Until: until})
		if err != nil {
			t.Fatalf("%s: %v", layout, err)
		}
		expectTruth(t, srv, measurements, alarms)
		if n := srv.Count("submit"); n != 2 {
			t.Errorf("%s: %d exports", layout, n)
		}
	}
}

func TestCutEnvelopeIsAnError(t *testing.T) {
	t.Parallel()
	whole := []byte(`{"n":1,"data":{"rows":[` + rowNo(1) + `,` + rowNo(2) + `],"after":{"x":[1]}},"z":"]}"}` + "\n")
	for n := 1; n < len(whole)-1; n++ {
		if _, err := uuidsOf(bytes.NewReader(whole[:n]), JSON, Measurements); err == nil {
			t.Fatalf("cut after %d bytes it was taken for whole", n)
		}
	}
}

// decodeList reads a synchronous answer.
func decodeList(src io.Reader, feed Feed, each func(*Row) error) (int, error) {
	d, err := openList(src, feed)
	if err != nil {
		return 0, err
	}
	return d.readList(each)
}
