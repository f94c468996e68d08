package saveris

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/secret"
)

func TestFilesComeOverHTTPSOnly(t *testing.T) {
	t.Parallel()
	const local, far = "https://127.0.0.1:1", "https://data-api.example.net"
	for _, tt := range []struct {
		base, link string
		want       bool
	}{
		{far, "https://files.example.net/a", true}, {far, "https://10.1.2.3/a", true}, {far, "https://[fd00::1]/a", true},
		{far, "http://files.example.net/a", false}, {far, "file:///etc/passwd", false}, {far, "ftp://files.example.net/a", false},
		{far, "//files.example.net/a", false}, {far, "/a", false}, {far, "https:///a", false}, {far, "javascript:alert(1)", false},
		{far, "http://127.0.0.1:1/a", false}, {far, "http://localhost/a", false}, {far, "https://127.0.0.1/a", false},
		{far, "https://[::ffff:127.0.0.1]/a", false}, {far, "https://0.0.0.0/a", false}, {far, "https://169.254.169.254/latest", false},
		{far, "https://[fe80::1]/a", false}, {far, "https://[::ffff:169.254.169.254]/a", false}, {far, "https://224.0.0.1/a", false},
		{local, "http://127.0.0.1:1/a", true}, {local, "http://[::1]:1/a", true}, {local, "http://localhost/a", true}, {local, "https://127.0.0.2/a", true},
		{local, "http://files.example.net/a", false}, {local, "http://127.0.0.1.example.net/a", false}, {local, "ftp://localhost/a", false},
		{local, "http://169.254.169.254/latest", false}, {local, "https://169.254.169.254/latest", false},
	} {
		asked := ""
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if strings.HasPrefix(req.URL.Path, "/v2/measurements/") {
				return reply(200, `{"status":"Completed","data_urls":["`+tt.link+`?X-Amz-Signature=sealed"]}`)
			}
			if strings.Contains(req.URL.RawQuery, "sealed") {
				asked = req.URL.Host
			}
			return nil
		}), func(cfg *Config) { cfg.BaseURL = tt.base })
		c.cfg.RetryWait, c.pace.first = time.Nanosecond, time.Nanosecond
		_, err := c.Rows(t.Context(), sixHours, nothing)
		if (err == nil) != tt.want || (asked != "") != tt.want {
			t.Errorf("%s of %s: %v, and %q was asked", tt.link, tt.base, err, asked)
		}
		if err != nil && strings.Contains(err.Error(), "sealed") {
			t.Errorf("%v holds the signature", err)
		}
	}
}

// TestANameThatLeadsToThisMachineIsNotFollowed: what counts is where a connection goes to, not what the link says.
func TestANameThatLeadsToThisMachineIsNotFollowed(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 10)
	inside := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { seen <- req.URL.Path }))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	c := wired(t, vendor(func(req *http.Request) *http.Response { return nil }))
	c.files = c.newFileTransport()
	trust(c, inside)
	c.cfg.RetryWait = time.Nanosecond
	_, err := c.readFile(t.Context(), "https://localhost:"+port+"/inside", "", nothing)
	if !errors.Is(err, errLink) || len(seen) != 0 {
		t.Errorf("got %v, and %d requests arrived", err, len(seen))
	}
	c.local = true // the same link where it may be followed
	if _, err := c.readFile(t.Context(), "https://127.0.0.1:"+port+"/inside", "", nothing); err != nil || len(seen) != 1 {
		t.Errorf("got %v, and %d requests arrived", err, len(seen))
	}
	if c.mayReach(netip.MustParseAddr("fe80::1%eth0")) {
		t.Error("an address with a zone gets through")
	}
}

// trust lets a client trust the certificate of a test server, whichever way it goes.
func trust(c *Client, server *httptest.Server) {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	for _, via := range []http.RoundTripper{c.api, c.files} {
		switch via := via.(type) {
		case *http.Transport:
			via.TLSClientConfig.RootCAs = pool
		case fileTransport:
			via.direct.TLSClientConfig.RootCAs, via.proxied.TLSClientConfig.RootCAs = pool, pool
		}
	}
}

// TestNoRedirectCarriesTheLoginAnywhere: the API's answers are not followed to another host, another port, or from https to
// http, whatever they are answers to.
func TestNoRedirectCarriesTheLoginAnywhere(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 100)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { seen <- req }))
	defer plain.Close()
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { seen <- req }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, where := range []string{tokenPath, "/v1/measurements", "/v2/measurements", "/v2/measurements/" + exportID} {
			for _, target := range []string{plain.URL, other.URL, "//user:s3cr3t@127.0.0.1/", "https://"} {
				for _, keyed := range []bool{false, true} {
					api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						switch {
						case req.URL.Path == where:
							http.Redirect(w, req, target, status)
						case req.URL.Path == tokenPath:
							fmt.Fprintf(w, `{"IdToken":%q}`, jwt(time.Now().Add(time.Hour)))
						case req.Method == http.MethodPost:
							fmt.Fprintf(w, `{"status":"Submitted","request_uuid":%q}`, exportID)
						default:
							http.NotFound(w, req)
						}
					}))
					c := newClient(t, api.URL, func(cfg *Config) {
						if cfg.Sync = SyncNever; where == "/v1/measurements" {
							cfg.Sync = SyncAlways
						}
						if keyed {
							cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key")
						}
					})
					trust(c, api)
					_, err := c.Rows(t.Context(), sixHours, nothing)
					if keyed && where == tokenPath {
						err = ErrAddress // a key does not log in
					}
					if !errors.Is(err, ErrAddress) {
						t.Errorf("%d on %s to %s: got %v", status, where, target, err)
					}
					api.Close()
				}
			}
		}
	}
	if len(seen) != 0 {
		t.Errorf("%d redirects were followed, the first with %v", len(seen), (<-seen).Header)
	}
}

func TestAFileIsNotFollowedFromHTTPSToHTTP(t *testing.T) {
	t.Parallel()
	asked := 0
	c := wired(t, vendor(func(req *http.Request) *http.Response {
		if req.URL.Path == "/a" {
			return reply(302, "", "Location", "http://files.example.net/b")
		}
		if req.URL.Scheme == "http" || req.URL.User != nil && req.Header.Get("Authorization") != "" {
			asked++
		}
		return nil
	}))
	if _, err := c.Rows(t.Context(), sixHours, nothing); !errors.Is(err, errLink) || asked != 0 {
		t.Errorf("got %v after %d requests over http", err, asked)
	}
	_, err := c.readFile(t.Context(), "http://ada:s3cr3t@files.example.net/a", "", nothing)
	if err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("got %v", err)
	}
}

func TestAVendorWithoutATrustedCertificateLearnsNothing(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 10)
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { asked <- req }))
	api.Config.ErrorLog = discard
	api.StartTLS()
	defer api.Close()
	c := newClient(t, api.URL)
	if err := c.Login(t.Context()); !errors.Is(err, ErrUntrusted) {
		t.Errorf("got %v", err)
	}
	if _, err := c.readFile(t.Context(), api.URL+"/a?X-Amz-Signature=sealed", "", nothing); !errors.Is(err, ErrUntrusted) || strings.Contains(err.Error(), "sealed") {
		t.Errorf("got %v", err)
	}
	if len(asked) != 0 {
		t.Error("something was sent")
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
	api.Config.ErrorLog = discard
	api.TLS = tls10()
	api.StartTLS()
	defer api.Close()
	c := newClient(t, api.URL)
	trust(c, api)
	if err := c.Login(t.Context()); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("got %v", err)
	}
}
