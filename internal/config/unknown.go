package config

import (
	"regexp"
	"slices"
	"strings"
)

// serviceLink matches what Kubernetes puts into the environment for a service that is called bridge or saveris.
var serviceLink = regexp.MustCompile(`_(SERVICE_(HOST|PORT)|PORT)(_|$)`)

// UnknownVariables returns the names in an environment of NAME=value, sorted, that look like variables of the bridge and are none: most likely slips of
// the pen, which would have no effect.
func UnknownVariables(environ []string) []string {
	known := map[string]bool{}
	for _, v := range Variables() {
		known[v.Name] = true
		known[v.Name+"_FILE"] = v.File
	}
	var list []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		ours := strings.HasPrefix(name, "BRIDGE_") || strings.HasPrefix(name, "SAVERIS_")
		if ours && !known[name] && !serviceLink.MatchString(name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}
