package config

import (
	"fmt"
	"testing"
)

func TestAProxyThatIsNoURLIsRefusedByName(t *testing.T) {
	for _, wrong := range []string{
		"http://user:s3cr3t-0123%zz@proxy:3128", "user:s3cr3t-0123%zz@proxy:3128", "http://user:s3cr3t-0123#x@proxy:3128", "http://user:s3cr3t-0123/x@proxy:3128",
		"http://user:s3cr3t-0123?x@proxy:3128", "http://proxy:3128\n", " http://proxy:3128", "http://pro xy:3128", "proxy 3128",
		"http//proxy:3128", "http:/proxy:3128", "http:proxy:3128", "://proxy:3128", "://", "http://", "//proxy:3128", "proxy:s3cr3t-0123", "http://proxy:31a8",
		"http://proxy:99999", "http://proxy:0", "http://proxy:", ":3128", "socks4://proxy:1080", "ftp://proxy", "DIRECT://", "http://proxy:3128/path", "http://[::1", "file:///etc/proxy", "http://\x00proxy", "https://:443",
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			refused(t, with(name, wrong), name+` is "***": expected a proxy such as http://proxy.example.com:3128`)
		}
	}
	for _, right := range []string{"proxy:3128", "proxy", "127.0.0.1:3128", "http://proxy", "HTTP://proxy:3128/", "https://proxy:443", "socks5://user:p%40ss@proxy:1080", "socks5h://proxy", "http://user@proxy:3128", "user:pass@proxy:3128", "http://[::1]:3128", ""} {
		load(t, with("HTTPS_PROXY", right, "http_proxy", right))
	}
	load(t, with("HTTPS_PROXY", "proxy:3128", "https_proxy", "://never read")) // the first counts
	if _, err := LoadWithoutVendor(t.Context(), with("HTTPS_PROXY", "://")); err != nil {
		t.Errorf("a command that never meets the vendor minds his proxy: %v", err)
	}
}

func TestThisMachineIsNeverAskedThroughAProxy(t *testing.T) {
	if got := fmt.Sprint(proxyNotices(with("ALL_PROXY", "x"), "http://127.0.0.1:80")); got != "[]" {
		t.Errorf("got %s", got)
	}
}
