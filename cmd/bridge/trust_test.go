package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

// front stands before the pretend vendor and speaks TLS with a certificate of a PKI, under the names that a test gives.
func front(t *testing.T, v *saveristest.Server, p bridgetest.PKI, names ...string) *httptest.Server {
	t.Helper()
	target, err := url.Parse(v.URL())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: func(resp *http.Response) error { // links of the vendor are https, and lead to another host
			if resp.Request.Method != http.MethodGet || strings.Contains(resp.Request.URL.Path, "result") {
				return nil
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			from, to := "http://"+resp.Request.Host, "https://"+resp.Request.Host
			if len(names) > 1 {
				to = "https://" + names[1]
			}
			body = bytes.ReplaceAll(body, []byte(from), []byte(to))
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
			return nil
		},
	})
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{p.ServerCert(t, func(c *x509.Certificate) { c.DNSNames = names })}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestTheVendorsCertificateIsVerified(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	p := bridgetest.NewPKI(t)
	vendor := front(t, s.vendor, p)
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.TLS = &tls.Config{Certificates: []tls.Certificate{p.ServerCert(t, bridgetest.Expired)}}
	old.StartTLS()
	t.Cleanup(old.Close)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "ca.pem"), []byte(textOf(t, p.CAFile)), 0o600); err != nil {
		t.Fatal(err)
	}
	base := append(slices.Clone(s.env), "BRIDGE_NATS_LISTEN=127.0.0.1:0", "BRIDGE_POLL_INTERVAL=1h")
	for _, c := range []struct {
		name, url string
		env       []string
		good      bool
	}{
		{"authority in a file", vendor.URL, []string{"SSL_CERT_FILE=" + p.CAFile}, true},
		{"authority in a folder", vendor.URL, []string{"SSL_CERT_DIR=" + folder}, true},
		{"unknown authority", vendor.URL, nil, false},
		{"another authority", vendor.URL, []string{"SSL_CERT_FILE=" + bridgetest.NewPKI(t).CAFile}, false},
		{"another name", strings.Replace(vendor.URL, "127.0.0.1", "localhost", 1), []string{"SSL_CERT_FILE=" + p.CAFile}, false},
		{"the past", old.URL, []string{"SSL_CERT_FILE=" + p.CAFile}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := s.vendor.Count("token")
			env := append(append(slices.Clone(base), "SAVERIS_URL="+c.url), c.env...)
			got := bridge(t, env, "check")
			if c.good {
				if got.code != hint.Done || !strings.Contains(got.out, "read by export") {
					t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.err)
				}
				return
			}
			if got.code != hint.Settings || !strings.Contains(got.out, "not to be trusted") || !strings.Contains(got.out, "SSL_CERT_FILE") {
				t.Errorf("check: exit code %d:\n%s%s", got.code, got.out, got.err)
			}
			got = bridge(t, env, "run")
			if cause, advice := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(cause, "not to be trusted") || !strings.Contains(advice, "SSL_CERT_FILE") {
				t.Errorf("run: exit code %d:\n%s", got.code, got.err)
			}
			if s.vendor.Count("token") != before {
				t.Error("the login was sent")
			}
		})
	}
}

// tunnel is a proxy that knows CONNECT, and leads every name to one address.
type tunnel struct {
	to   string
	auth string // wanted Proxy-Authorization

	mu    sync.Mutex
	asked []string
}

func (p *tunnel) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, req.Method+" "+req.Host)
	p.mu.Unlock()
	if req.Header.Get("Proxy-Authorization") != p.auth {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	there, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		there.Close()
		return
	}
	io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { defer there.Close(); io.Copy(there, here) }()
	defer here.Close()
	io.Copy(here, there)
}

func TestAProxyIsHonouredForAPIAndFiles(t *testing.T) {
	t.Parallel()
	const api, files, secret = "data-api.vendor.test", "files.vendor.test", "proxy-secret-0123456789"
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	p := bridgetest.NewPKI(t)
	vendor := front(t, s.vendor, p, api, files)
	base := append(slices.Clone(s.env), "SAVERIS_URL=https://"+api, "SSL_CERT_FILE="+p.CAFile, "BRIDGE_NATS_LISTEN=127.0.0.1:0", "SAVERIS_SYNC=never")
	for _, c := range []struct {
		name string
		env  []string // PROXY stands for its address
		good bool
		want []string
		text string
	}{
		{"used", []string{"HTTPS_PROXY=http://ada:" + secret + "@PROXY"}, true, []string{"CONNECT " + api + ":443", "CONNECT " + files + ":443"}, "read by export"},
		{"wrong password", []string{"HTTPS_PROXY=http://ada:" + secret + "x@PROXY"}, false, []string{"CONNECT " + api + ":443"}, "HTTPS_PROXY"},
		{"not for this host", []string{"HTTPS_PROXY=http://ada:" + secret + "@PROXY", "NO_PROXY=vendor.test"}, false, nil, "lookup"},
		{"only for http", []string{"HTTP_PROXY=http://ada:" + secret + "@PROXY"}, false, nil, "lookup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proxy := &tunnel{to: vendor.Listener.Addr().String(), auth: "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:"+secret))}
			server := httptest.NewServer(proxy)
			defer server.Close()
			env := append(slices.Clone(base), c.env...)
			for i := range env {
				env[i] = strings.Replace(env[i], "@PROXY", "@"+server.Listener.Addr().String(), 1)
			}
			got := bridge(t, env, "check")
			all := got.out + got.err
			if (got.code == hint.Done) != c.good || !strings.Contains(all, c.text) {
				t.Errorf("exit code %d:\n%s", got.code, all)
			}
			if strings.Contains(all, secret) {
				t.Errorf("the proxy's password is shown:\n%s", all)
			}
			slices.Sort(proxy.asked)
			if asked := slices.Compact(proxy.asked); !slices.Equal(asked, c.want) {
				t.Errorf("the proxy was asked for %q, want %q", asked, c.want)
			}
		})
	}
}
