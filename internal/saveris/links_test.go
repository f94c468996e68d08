package saveris

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

func TestLinksAreFoundInEveryShape(t *testing.T) {
	t.Parallel()
	const a, b = "https://files.example.net/a?X-Amz-Date=1&x=1,2", "HTTPS://files.example.net/b"
	for answer, want := range map[string][]string{
		`{"data_urls":["` + a + `","` + b + `"]}`:                         {a, b},
		`{"data_urls":["` + a + `","` + a + `",null]}`:                    {a},
		`{"data_urls":"` + a + `"}`:                                       {a},
		`{"data_urls":" ` + a + `, ` + b + `\n"}`:                         {a, b},
		`{"data_urls":"` + a + `;` + b + `"}`:                             {a, b},
		`{"data_urls":"[` + a + `, ` + b + `]"}`:                          {a, b},
		`{"data_urls":"[\"` + a + `\",\"` + b + `\"]"}`:                   {a, b},
		`{"data_urls":"['` + a + `', '` + b + `']"}`:                      {a, b},
		`{"data_urls":{"0":"` + a + `","1":"` + b + `"}}`:                 {a, b},
		`{"data_urls":{"url":"` + a + `","size":5,"name":"result.json"}}`: {a},
		`{"data_urls":{"` + a + `":{"size":5}}}`:                          {a},
		`{"data_urls":[{"href":"` + a + `"},{"url":"` + b + `"}]}`:        {a, b},
		`{"data_urls":[["` + a + `"],["` + b + `"]]}`:                     {a, b},
		`{"dataUrls":["` + a + `"]}`:                                      {a},
		`{"DataURLs":["` + a + `"]}`:                                      {a},
		`{"data-urls":["` + a + `"]}`:                                     {a},
		`{"files":["` + a + `"],"data_urls":[]}`:                          {a},
		`{"result":{"files":[{"links":{"self":"` + a + `"}}]}}`:           {a},
		`{"output":"` + a + `","data_urls":null}`:                         {a},
		`{"data_urls":["` + a + `"],"data_urls":[]}`:                      {a},
		`{"data_urls":["` + a + `"],"rows":5,"files":1,"x":{"y":["z"]}}`:  {a},
		`{"data_urls":["` + a + `"],"metadata_url":"` + b + `"}`:          {a},
		`{"data_urls":[{"url":"` + a + `","metadata-url":"` + b + `"}]}`:  {a},
		`{"status":"Completed"}`:                                          nil,
		`{"Status":"Completed","metadataUrl":"` + b + `","X-File-Content":{"a":["` + b + `"]},"request_uuid":"` + b + `"}`: nil,
		`{"data_urls":[]}`:                                      nil,
		`{"data_urls":null,"stats":{"rows":0}}`:                 nil,
		`{"data_urls":{},"files":"  "}`:                         nil,
		`{"rows":0,"took":1.5,"cached":false,"format":"JSON"}`:  nil,
		`{"type":"application/json","at":"2026/07/01 10:15"}`:   nil,
		`{"columns":[{"uuid":"varchar"}],"data_urls":[]}`:       nil,
		`{"data_urls":[],"message":"see https://example.net/"}`: nil,
		`{"data_urls":[],"next_token":null,"has_more":false}`:   nil,
		`{"data_urls":[],"error":null,"errors":[],"total":0}`:   nil,
		`{"data_urls":["` + a + `"],"error":"","total":5}`:      {a},
	} {
		members, err := membersOf([]byte(answer))
		if err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		if got, err := linksOf(members); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q, %v\nwant %q", answer, got, err, want)
		}
	}
}

// What a completed answer says about links and cannot be read is no window without rows.
func TestACompletedAnswerWithoutALinkIsNoEmptyOne(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{
		`"data_urls":{"bucket":"b","key":"k"}`:                                              `"data_urls" is an object without a link`,
		`"data_urls":["s3://bucket/key"]`:                                                   `"data_urls" is a list without a link`,
		`"dataUrls":"result.json"`:                                                          `"dataUrls" is a text without a link`,
		`"data_urls":3`:                                                                     `"data_urls" is a number without a link`,
		`"data_urls":true`:                                                                  `"data_urls" is true without a link`,
		`"data_urls":[],"files":["result.json"]`:                                            `"files" is a list without a link`,
		`"output":{"bucket":"b","key":"k"}`:                                                 `"output" is an object without one`,
		`"parts":[1,2]`:                                                                     `"parts" is a list without one`,
		`"output":"s3://bucket/key"`:                                                        `"output" is a text without one`,
		`"output":"exports/1/result.json"`:                                                  `"output" is a text without one`,
		`"measurements":[` + rowNo(1) + `],"data_urls":[]`:                                  `"measurements" holds rows itself`,
		`"data":{"rows":[` + rowNo(1) + `]},"data_urls":[]`:                                 `"data" holds rows itself`,
		`"data_urls":["https://files.example.net/a","b"]`:                                   `beside the links stands a text without one`,
		`"data_urls":[{"url":"https://example.net/a"},{"k":1}]`:                             `beside the links stands an object without one`,
		`"data_urls":["https://example.net/a"],"next_token":"b"`:                            `more links than it holds`,
		`"data_urls":["https://example.net/a"],"page":{"nextLink":"https://example.net/b"}`: `more links than it holds`,
		`"data_urls":[],"has_more":true`:                                                    `more links than it holds`,
		`"data_urls":[],"error":"Query exhausted resources"`:                                `something went wrong`,
		`"data_urls":["https://example.net/a"],"errors":[{"part":2,"text":"timed out"}]`:    `something went wrong`,
		`"error":{"code":"x"}`:                                                              `something went wrong`,
		`"data_urls":[],"total_rows":3`:                                                     `no link to the rows that it counts`,
	} {
		synctest.Test(t, func(t *testing.T) {
			polls := 0
			c := wired(t, vendor(func(req *http.Request) *http.Response {
				if req.URL.Path == "/v2/measurements/"+exportID {
					polls++
					return reply(200, `{"status":"Completed",`+members+`}`)
				}
				return nil
			}))
			_, err := c.Rows(t.Context(), sixHours, nothing)
			if !errors.Is(err, ErrNotUnderstood) || !strings.Contains(err.Error(), want) || polls != 1 {
				t.Errorf("%s: %v after %d polls", members, err, polls)
			}
		})
	}
}

// What is answered instead of a status is shown once the waiting is over: until then it may be a proxy's word in passing.
func TestWhatIsAnsweredInsteadOfAStatusIsShown(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{"status":3,"data_urls":["https://files.example.net/a"]}`: `the last answer was {"status":3,`,
		`{"state":"done"}`:         `the last answer was {"state":"done"}`,
		`["Completed"]`:            `the last answer was ["Completed"]`,
		`<html>please wait</html>`: `the last answer was <html>please wait</html>`,
		``:                         `the last answer was empty`,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := wired(t, vendor(func(req *http.Request) *http.Response {
				if req.URL.Path == "/v2/measurements/"+exportID {
					return reply(200, answer)
				}
				return nil
			}))
			q := sixHours
			q.Timeout = time.Minute
			_, err := c.Rows(t.Context(), q, nothing)
			if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", answer, err)
			}
		})
	}
}

// A status within another object, or within a text, is a status: gateways and functions wrap answers so.
func TestAStatusWithinSomethingIsRead(t *testing.T) {
	t.Parallel()
	const inner = `{"status":"Completed","request_uuid":"1","data_urls":["https://files.example.net/a"]}`
	for _, answer := range []string{
		inner, `{"data":` + inner + `}`, `{"statusCode":200,"body":` + inner + `}`, `{"result":{"item":` + inner + `},"took":3}`,
		`{"statusCode":200,"body":` + strconv.Quote(inner) + `}`, strconv.Quote(inner), `[` + inner + `]`,
	} {
		s, err := readStatus(reply(200, answer))
		links, _ := linksOf(s.members)
		if err != nil || !s.done() || s.RequestUUID != "1" || len(links) != 1 {
			t.Errorf("%s: %q, %q, %q, %v", answer, s.Status, s.RequestUUID, links, err)
		}
	}
	for _, answer := range []string{`{"a":` + inner + `,"b":` + inner + `}`, `[` + inner + `,` + inner + `]`, `{"status":"In Progress","data":` + inner + `}`} {
		if s, _ := readStatus(reply(200, answer)); s.done() {
			t.Errorf("%s is completed", answer)
		}
	}
}

// Whatever the shape of the links, every file is read, by one export.
func TestLinksOfTheVendorInEveryShape(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{"data_urls", "string", "object", "objects", "camel", "nested", "other_name"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{FileCount: "n", CompletedLinks: shape}})
		c := newClient(t, srv.URL())
		rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
		if err != nil {
			t.Fatalf("%s: %v", shape, err)
		}
		expectTruth(t, srv, rows, nil)
		if posts, files := srv.Count("submit.measurements"), srv.Count("download.measurements"); posts != 1 || files != 4 {
			t.Errorf("%s: %d exports, %d files", shape, posts, files)
		}
	}
}
