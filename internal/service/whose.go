package service

import (
	"net/url"
	"strings"

	"saveris-bridge/internal/config"
)

// whose returns in a few words whose data the page shows: the demo's, or which login where. Everybody who reaches the page sees
// it, so of a user name no more than tells two of one's own apart, and nothing of a key.
func whose(s config.Vendor) string {
	if s.Demo {
		return "demo"
	}
	login := "Smart Connect"
	if !s.SaverisAPIKey.Set() {
		login = masked(s.SaverisUsername)
	}
	return login + " · " + location(s)
}

// location returns the region, or the host where an address is set.
func location(s config.Vendor) string {
	of := s
	of.SaverisURL = ""
	if u, err := url.Parse(s.SaverisURL); err == nil && u.Host != "" && s.SaverisURL != of.BaseURL() {
		return u.Host
	}
	where := strings.ToUpper(s.SaverisRegion)
	if s.SaverisEnv == "i" {
		where += " integration"
	}
	return where
}

// masked returns a user name without most of it: an…@example.com.
func masked(name string) string {
	local, domain, mail := strings.Cut(name, "@")
	if letters := []rune(local); len(letters) > 2 {
		local = string(letters[:2])
	}
	if mail {
		return local + "…@" + domain
	}
	return local + "…"
}
