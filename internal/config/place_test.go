package config

import (
	"errors"
	"strings"
	"testing"
)

func TestThereIsNoHostForEveryRegionEnvironmentAndLogin(t *testing.T) {
	for _, c := range []struct {
		name string
		env  Lookup
		want string // in the one problem; empty where there is none
	}{
		{"key", keyed("SAVERIS_ENV", "i"), `SAVERIS_API_KEY is set and SAVERIS_ENV is "i": expected "p", Smart Connect has no integration environment`},
		{"key, Asia", keyed("SAVERIS_ENV", "i", "SAVERIS_REGION", "ap"), "SAVERIS_API_KEY is set and SAVERIS_ENV"},
		{"America", with("SAVERIS_ENV", "i", "SAVERIS_REGION", "am"), `SAVERIS_REGION is "am" and SAVERIS_ENV is "i": expected region "eu"`},
		{"Asia", with("SAVERIS_ENV", "i", "SAVERIS_REGION", "ap"), `SAVERIS_REGION is "ap" and SAVERIS_ENV is "i"`},
		{"Europe", with("SAVERIS_ENV", "i"), ""},
		{"a URL", with("SAVERIS_ENV", "i", "SAVERIS_REGION", "ap", "SAVERIS_URL", "https://proxy.example"), ""},
		{"a URL and a key", keyed("SAVERIS_ENV", "i", "SAVERIS_URL", "https://proxy.example"), ""},
	} {
		_, err := Load(t.Context(), c.env)
		var wrong *Error
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (!errors.As(err, &wrong) || len(wrong.Problems) != 1 || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q and nothing else", c.name, err, c.want)
		}
	}
}

func TestTheBaseURLStandsWithoutAVersion(t *testing.T) {
	for given, want := range map[string]string{
		"https://host/v1":                                    "https://host",
		"https://host/v2/":                                   "https://host",
		"https://host//V3//":                                 "https://host",
		"https://host/v3/measurements":                       "https://host",
		"https://host/v1/token":                              "https://host",
		"https://host/v3/devices/properties/3fa85f64-0000":   "https://host",
		"https://host/v2/sensors/status-sync":                "https://host",
		"https://host/v1/measuring-objects":                  "https://host",
		"https://proxy.example/saveris/v1":                   "https://proxy.example/saveris",
		"https://proxy.example/saveris/v2/measurements":      "https://proxy.example/saveris",
		"https://proxy.example/v1/saveris":                   "https://proxy.example/v1/saveris",
		"https://proxy.example/v1/saveris/v2":                "https://proxy.example/v1/saveris",
		"https://proxy.example/measurements":                 "https://proxy.example/measurements",
		"https://proxy.example/dev1":                         "https://proxy.example/dev1",
		"HTTPS://Data-API.eu.p.savr.saveris.net/":            "https://data-api.eu.p.savr.saveris.net",
		"\ufeff https://proxy.example/Saveris\u200b\u00a0\n": "https://proxy.example/Saveris",
	} {
		s, err := Load(t.Context(), with("SAVERIS_URL", given))
		if err != nil || s.SaverisURL != want {
			t.Errorf("%q: got %q, want %q: %v", given, s.SaverisURL, want, err)
		}
	}
	for _, wrong := range []string{"https://host:99999", "https://host:0", "https://:443", "https://host/?", "https://ho st"} {
		if _, err := Load(t.Context(), with("SAVERIS_URL", wrong)); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}
