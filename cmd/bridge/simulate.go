package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/saveris/saveristest"

	"github.com/spf13/cobra"
)

// The login of the pretend vendor. It guards nothing.
const (
	pretendUser     = "demo"
	pretendPassword = "demo"
	pretendKey      = "demo-key"
	defaultVendor   = "127.0.0.1:8090" // where it listens
)

func simulateCommand(std streams) *cobra.Command {
	vendor := saveristest.Config{Username: pretendUser, Password: pretendPassword, APIKey: pretendKey}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "run only the pretend vendor, on a port, with its faults as flags",
		Long: `Runs a server that answers like the Saveris Data API until Ctrl-C. Its rows are computed, so the same seed gives the
same rows on every machine. world.* says what there is, fault.* how often something breaks (shares between 0 and 1, 0 if
not given), and everything else how the vendor behaves where his document is silent.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, want := config.HostPort(defaultVendor)(vendor.Listen); want != "" {
				return flagf("simulate", "--listen is %q: expected %s", vendor.Listen, want)
			}
			return simulate(cmd.Context(), vendor, std)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&vendor.Listen, "listen", defaultVendor, "where it listens")
	addKeys(cmd, &vendor)
	return cmd
}

// addKeys makes a flag of every setting that the pretend vendor has.
func addKeys(cmd *cobra.Command, pretend *saveristest.Config) {
	for _, key := range saveristest.Keys() {
		usage := key.Help
		if len(key.Values) > 0 {
			usage += " (" + strings.Join(key.Values, ", ") + ")"
		}
		flag := cmd.Flags().VarPF(&keyFlag{config: pretend, key: key, value: key.Default}, key.Name, "", usage)
		if flag.Value.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
		offer(cmd, key.Name, key.Values)
	}
}

// keyFlag is one setting of the pretend vendor as a flag.
type keyFlag struct {
	config *saveristest.Config
	key    saveristest.Key
	value  string
}

func (f *keyFlag) String() string { return f.value }

// Type stands behind the flag's name in the help.
func (f *keyFlag) Type() string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(f.key.Type, "a "), " ")
	switch {
	case len(f.key.Values) > 0:
		return "word"
	case kind == "whole":
		return "number"
	case kind == "true":
		return "bool"
	}
	return strings.TrimSuffix(kind, ",")
}

func (f *keyFlag) Set(value string) error {
	f.value = value
	return f.config.Set(f.key.Name, value)
}

// vendorStart says which flag gave the address that the pretend vendor cannot have.
func vendorStart(flag, addr string, err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return &listen.Error{Name: flag, Addr: addr, Err: err}
	}
	return err
}

func simulate(ctx context.Context, pretend saveristest.Config, std streams) error {
	server, err := saveristest.Start(pretend)
	if err != nil {
		return vendorStart("--listen", pretend.Listen, err)
	}
	defer server.Close()
	fmt.Fprintf(std.out, `pretend vendor at %[1]s, user name %[2]s, password %[3]s, Smart Connect key %[4]s
for another terminal:
  SAVERIS_URL=%[1]s SAVERIS_USERNAME=%[2]s SAVERIS_PASSWORD=%[3]s bridge run
Ctrl-C ends it.
`, server.URL(), pretendUser, pretendPassword, pretendKey)
	<-ctx.Done()
	return nil
}
