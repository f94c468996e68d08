package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"saveris-bridge/internal/service"

	"github.com/spf13/cobra"
)

// version and commit are set with -ldflags "-X main.version=… -X main.commit=…". Without commit the build says it.
var (
	version = "dev"
	commit  string
)

func versionCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print version, commit and Go version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(std.out, versionText())
			return err
		},
	}
}

// versionText is what people are told of the binary.
func versionText() string {
	return fmt.Sprintf("bridge %s, commit %s, %s", version, builtFrom(), runtime.Version())
}

// build is this binary, for its metrics and its page.
func build() service.Build {
	return service.Build{Version: version, Commit: builtFrom(), GoVersion: runtime.Version()}
}

// builtFrom is the commit that the binary was built from, with a mark where the work tree had changes.
func builtFrom() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return revision + changed
}
