package config

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// The proxy variables that Go's HTTP client reads: of each pair the first that is not empty.
var (
	httpProxy  = [2]string{"HTTP_PROXY", "http_proxy"}
	httpsProxy = [2]string{"HTTPS_PROXY", "https_proxy"}
	allProxy   = [2]string{"ALL_PROXY", "all_proxy"} // it does not read these, others do
)

// setProxy returns the variable of a pair that counts, and what it holds; both are empty where none is set.
func setProxy(env Lookup, pair [2]string) (name, value string) {
	for _, name := range pair {
		if value, _ := env(name); value != "" {
			return name, value
		}
	}
	return "", ""
}

// proxyProblems refuses what Go's HTTP client would quietly leave out, so that everything went around the proxy, the login
// included, or would take for another proxy than was meant. What a variable holds may be a password in any part of it.
func proxyProblems(env Lookup) []error {
	var list []error
	for _, pair := range [][2]string{httpProxy, httpsProxy} {
		name, value := setProxy(env, pair)
		if reason := proxyReason(value); reason != nil {
			list = append(list, &Problem{Name: name, Value: masked, Err: reason,
				Want: "a proxy such as http://proxy.example.com:3128 or http://user:password@proxy.example.com:3128, special characters as %40"})
		}
	}
	return list
}

// proxyReason returns what is wrong with the address of a proxy, in words that show nothing of it.
func proxyReason(text string) error {
	if text == "" {
		return nil
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return errors.New("it holds blanks, line ends or characters that cannot be seen")
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text // as Go reads it
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it is no URL")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		return errors.New("the scheme is none of http, https, socks5 and socks5h")
	case u.Hostname() == "":
		return errors.New("there is no host in it")
	case strings.Trim(u.Path, "/") != "" || strings.ContainsAny(text, "?#"):
		return errors.New("something follows the host and its port")
	case u.Port() == "" && strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()):
		return errors.New("the port is no number from 1 to 65535")
	}
	return nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// proxyFor returns the pair of variables that count for an address. This machine is never asked through a proxy.
func proxyFor(vendor string) [2]string {
	switch {
	case Loopback(vendor):
		return [2]string{}
	case strings.HasPrefix(vendor, "http://"):
		return httpProxy
	}
	return httpsProxy
}

// proxied reports whether a proxy is set for the vendor. NO_PROXY may still leave him out.
func proxied(env Lookup, vendor string) bool {
	name, _ := setProxy(env, proxyFor(vendor))
	return name != ""
}

// proxyNotices warn of proxies that are set, and that the vendor is not asked through all the same.
func proxyNotices(env Lookup, vendor string) []Notice {
	if Loopback(vendor) || proxied(env, vendor) {
		return nil
	}
	var list []Notice
	for _, pair := range [][2]string{allProxy, httpProxy, httpsProxy} {
		if name, _ := setProxy(env, pair); name != "" {
			list = append(list, Notice{name + " is set, but the bridge asks the vendor directly: it is not read for " + vendor,
				"set " + proxyFor(vendor)[0] + " if nothing may go around the proxy"})
		}
	}
	return list
}

// Loopback reports whether a URL leads to this machine.
func Loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip.IsLoopback()
}
