package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"saveris-bridge/internal/hint"
)

// TestNothingGoesAroundAProxy starts every command that meets the vendor with a proxy that Go would leave out.
func TestNothingGoesAroundAProxy(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	vendor := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer vendor.Close()
	for _, args := range []string{"run", "check", "backfill --from 1h", "verify --from 2026-07-01T10:00:00Z --until 2026-07-01T11:00:00Z"} {
		got := bridge(t, []string{"HTTPS_PROXY=http://user:s3cr3t%zz@proxy:3128", "SAVERIS_URL=" + vendor.URL, "SAVERIS_USERNAME=a", "SAVERIS_PASSWORD=b",
			"BRIDGE_NATS_LISTEN=127.0.0.1:0", "BRIDGE_HTTP_ADDR="}, strings.Fields(args)...)
		if got.code != hint.Settings || asked.Load() > 0 || !strings.Contains(got.err, "HTTPS_PROXY") || strings.Contains(got.out+got.err, "s3cr3t") {
			t.Errorf("%s: exit code %d, the vendor was asked %d times:\n%s%s", args, got.code, asked.Load(), got.out, got.err)
		}
	}
}

func TestCheckTellsThroughWhichProxyTheVendorIsAsked(t *testing.T) {
	t.Parallel()
	connected := make(chan string, 100)
	refusing := func(status int) string {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			connected <- req.Method + " " + req.Host
			w.WriteHeader(status)
		}))
		t.Cleanup(proxy.Close)
		return strings.TrimPrefix(proxy.URL, "http://")
	}
	login, wall := refusing(http.StatusProxyAuthRequired), refusing(http.StatusForbidden)
	const nowhere = "SAVERIS_URL=https://vendor..invalid" // Go's resolver refuses it by itself
	for name, c := range map[string]struct{ env, want []string }{
		"wants a login":    {[]string{"HTTPS_PROXY=http://ada:s3cr3t@" + login}, []string{"info proxy asked through http://***@" + login, "FAIL vendor login HTTP 407 user:password"}},
		"is a wall":        {[]string{"https_proxy=" + wall}, []string{"info proxy asked through http://" + wall, "FAIL vendor login HTTP 403 let the proxy pass"}},
		"is away":          {[]string{"HTTPS_PROXY=127.0.0.1:1"}, []string{"FAIL vendor login the proxy cannot be reached check HTTPS_PROXY"}},
		"has no such name": {[]string{"HTTPS_PROXY=proxy..example"}, []string{"FAIL vendor login the proxy cannot be reached check HTTPS_PROXY"}},
		"is not for him":   {[]string{"HTTPS_PROXY=" + wall, "NO_PROXY=.invalid", nowhere}, []string{"info proxy directly NO_PROXY", "FAIL vendor login does not resolve"}},
		"is not read":      {[]string{"ALL_PROXY=" + wall, nowhere}, []string{"warn settings ALL_PROXY directly HTTPS_PROXY"}},
		"is for http":      {[]string{"http_proxy=" + wall, nowhere}, []string{"warn settings http_proxy directly HTTPS_PROXY"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := bridge(t, append([]string{"SAVERIS_USERNAME=a", "SAVERIS_PASSWORD=b", "BRIDGE_NATS_LISTEN=127.0.0.1:0", "BRIDGE_HTTP_ADDR=", "SAVERIS_URL=https://vendor.invalid", "GODEBUG=netdns=go"}, c.env...), "check")
			wantLines(t, got.out, c.want...)
			if strings.Contains(got.out+got.err, "s3cr3t") {
				t.Errorf("the proxy's password is shown:\n%s%s", got.out, got.err)
			}
		})
	}
	t.Cleanup(func() {
		if got := <-connected; got != "CONNECT vendor.invalid:443" {
			t.Errorf("the proxy was asked to %s", got)
		}
	})
}

// TestAFirewallBeforeTheFilesIsNamed: the API is reached, the host that its links lead to is not.
func TestAFirewallBeforeTheFilesIsNamed(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	target, err := url.Parse(v.URL())
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(resp *http.Response) error {
			body, err := io.ReadAll(resp.Body)
			body = bytes.ReplaceAll(body, []byte(v.URL()), []byte("http://127.0.0.1:1"))
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
			return err
		},
	})
	t.Cleanup(api.Close)
	out, _ := checkVendor(t, with("SAVERIS_URL", api.URL, "BRIDGE_FEEDS", "readings"))
	wantLines(t, out, "ok vendor login", "FAIL feed readings cannot be reached S3 docs/configuration.md")
}
