package saveris

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// TestARedirectWithinTheHostIsFollowed: login, submission, polls and synchronous reads arrive as they were sent.
func TestARedirectWithinTheHostIsFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"301", "302", "307", "308"} {
		for _, sync := range []string{"off", "array"} {
			for _, keyed := range []bool{false, true} {
				srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{Redirect: status, Sync: sync}})
				c := newClient(t, srv.URL(), func(cfg *Config) {
					if keyed {
						cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key")
					}
				})
				rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
				if err != nil {
					t.Fatalf("%s, sync %s, key %v: %v", status, sync, keyed, err)
				}
				expect(t, srv, rows, nil)
				if n := srv.Count("token"); n > 1 {
					t.Errorf("%s: %d logins", status, n)
				}
			}
		}
	}
}

func TestARedirectKeepsMethodBodyAndLogin(t *testing.T) {
	t.Parallel()
	type request struct{ method, url, body, login string }
	for status, want := range map[int]string{301: "POST", 302: "POST", 303: "GET", 307: "POST", 308: "POST"} {
		var got []request
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if req.URL.Path != "/v2/measurements" && req.URL.Path != "/new/measurements" {
				return nil
			}
			body, _ := io.ReadAll(req.Body)
			got = append(got, request{req.Method, req.URL.String(), string(body), req.Header.Get("Authorization")})
			if req.URL.Path == "/v2/measurements" {
				return reply(status, "", "Location", "../new/measurements?x=y")
			}
			return reply(200, `{"status":"Submitted","request_uuid":"`+exportID+`"}`)
		}), func(cfg *Config) { cfg.FirstPoll = time.Millisecond })
		if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		if len(got) != 2 || got[1].method != want || got[1].url != "https://data-api.example.net/new/measurements?x=y" || got[1].login != got[0].login || got[0].login == "" {
			t.Errorf("%d: %+v", status, got)
		}
		if wantBody := map[string]string{"POST": got[0].body}[want]; got[1].body != wantBody {
			t.Errorf("%d: the body was %q, then %q", status, got[0].body, got[1].body)
		}
	}
}

func TestRedirectsInACircleEnd(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"loop", "far"} {
		asked := 0
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if req.URL.Path == tokenPath || !strings.HasPrefix(req.URL.Path, "/v2/measurements") {
				return nil
			}
			asked++
			if to == "loop" {
				return reply(307, "", "Location", "/v2/measurements")
			}
			return reply(307, "", "Location", req.URL.Path+"/x")
		}))
		if _, err := c.Rows(t.Context(), sixHours, nothing); !errors.Is(err, ErrAddress) || asked > maxHops+1 || !strings.Contains(err.Error(), "circle") {
			t.Errorf("%s: %v after %d requests", to, err, asked)
		}
	}
}

func TestWhereTheLoginMayFollow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{"https://a.net/x", "https://a.net/y", true},
		{"https://a.net/x", "https://A.NET:443/y", true},
		{"http://a.net/x", "https://a.net/x", true},
		{"http://a.net:8080/x", "https://a.net:8443/x", true},
		{"http://a.net/x", "http://a.net:80/x", true},
		{"https://a.net/x", "http://a.net/x", false},
		{"https://a.net/x", "https://a.net:8443/x", false},
		{"http://a.net/x", "http://a.net:8080/x", false},
		{"https://a.net/x", "https://b.a.net/x", false},
		{"https://a.net/x", "https://a.net.b.net/x", false},
		{"https://a.net/x", "https://u:p@a.net/x", false},
		{"https://a.net/x", "ftp://a.net/x", false},
	} {
		if got := mayFollow(parsed(t, tt.from), parsed(t, tt.to)); got != tt.want {
			t.Errorf("from %s to %s: %v", tt.from, tt.to, got)
		}
	}
}

// TestARedirectFromHTTPToHTTPSIsFollowed: what went out in the clear before goes encrypted from then on.
func TestARedirectFromHTTPToHTTPSIsFollowed(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{})
	sealed := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.URL.Scheme, req.URL.Host, req.RequestURI = "http", strings.TrimPrefix(srv.URL(), "http://"), ""
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}))
	defer sealed.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, sealed.URL+req.URL.RequestURI(), http.StatusMovedPermanently)
	}))
	defer plain.Close()
	c := newClient(t, plain.URL)
	c.api.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: sealed.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	if err := c.Login(t.Context()); err != nil {
		t.Error(err)
	}
}

func parsed(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
