package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"saveris-bridge/internal/publish"
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
		"lane": {"live", "history"}, "severity": {"alarm", "warning", "unknown"}, "state": {"raised", "cleared", "unknown"},
		"content-mode": {"binary", "structured"}, "log-level": {"debug", "info", "warn", "error"},
		"site": nil, "serial": nil, "quantity": nil, "to": {"replay.>"}, "speed": nil, "limit": nil, "workers": nil,
		"nats-listen": {defaultNATS}, "http-listen": {defaultHTTP}, "vendor-listen": {defaultVendor}, "listen": {defaultVendor},
	}
}

// complete has a shell offer the values of flags, of a command and of those below it.
func complete(cmd *cobra.Command) {
	values := flagValues()
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		list, known := values[f.Name]
		if own, simulated := f.Value.(*keyFlag); simulated {
			list, known = own.key.Values, true
		}
		if !known {
			return
		}
		if err := cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(fmt.Sprintf("bridge: internal error: completion of --%s: %v", f.Name, err))
		}
	})
	for _, below := range cmd.Commands() {
		complete(below)
	}
}
