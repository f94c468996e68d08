package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/spf13/cobra"
)

// TestNoFlagTakesASecret: what stands in flags is shown by ps, and kept by shells. The flags of simulate are names of the
// pretend vendor's behaviour.
func TestNoFlagTakesASecret(t *testing.T) {
	t.Parallel()
	flag := regexp.MustCompile(`--([a-z][a-z0-9._-]*)`)
	secretive := regexp.MustCompile(`pass|token|secret|cred|seed|nkey|api-?key|login|user`)
	seen := 0
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, below := range cmd.Commands() {
			look(below)
		}
		for _, match := range flag.FindAllStringSubmatch(cmd.LocalFlags().FlagUsages(), -1) {
			if seen++; cmd.Name() != "simulate" && secretive.MatchString(match[1]) {
				t.Errorf("bridge %s %s", cmd.Name(), match[0])
			}
		}
	}
	look(newRoot(streams{env: os.LookupEnv}))
	if seen < 20 {
		t.Errorf("only %d flags were seen", seen)
	}
}
