package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/tail"
)

// flagValues are what a shell offers for flags of every command that has them; nothing for one that takes any text. Of these no
// file is meant, but of --data-dir.
func flagValues() map[string][]string {
	var names []string
	for _, feed := range publish.Feeds {
		names = append(names, string(feed))
	}
	return map[string][]string{
		"feeds": names, "feed": names,
		"from": {"24h", "7d", "30d"}, "until": {"1h", "24h", "7d"}, "since": {"10m", "1h", "24h"},
		"lane": tail.Lanes, "severity": tail.Severities, "state": tail.States,
		"content-mode": {"binary", "structured"}, "log-level": {"debug", "info", "warn", "error"},
		"site": nil, "serial": nil, "quantity": nil, "to": {"replay.>"}, "speed": nil, "limit": nil, "workers": nil,
		"nats-listen": {defaultNATS}, "http-listen": {defaultHTTP}, "vendor-listen": {defaultVendor}, "listen": {defaultVendor},
	}
}

// complete has a shell offer the values of flags, of a command and of those below it.
func complete(cmd *cobra.Command) {
	for name, values := range flagValues() {
		if cmd.LocalFlags().Lookup(name) != nil {
			offer(cmd, name, values)
		}
	}
	for _, below := range cmd.Commands() {
		complete(below)
	}
}

// offer has a shell offer the values of one flag.
func offer(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(fmt.Sprintf("bridge: internal error: completion of --%s of %s: %v", flag, cmd.Name(), err))
	}
}
