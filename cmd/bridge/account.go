package main

import (
	"cmp"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// settingsAccount is whose rows the settings lead to.
func settingsAccount(s config.Settings) string {
	return publish.AccountOf(s.SaverisURL, cmp.Or(s.SaverisAPIKey.Reveal(), s.SaverisUsername))
}

// newAccounts makes what the writers and leases of a process know of accounts. Whoever has the store of an embedded server is
// alone there.
func newAccounts(s config.Settings, js jetstream.JetStream) *publish.Accounts {
	accounts := publish.NewAccounts(js, brokerConfig(s), settingsAccount(s))
	accounts.NoLeases = s.Embedded()
	return accounts
}

// newProof makes what finds out whether coverage is of the account of the settings, by rows that the vendor shows it.
func newProof(s config.Settings, vendor *saveris.Client, accounts *publish.Accounts, logger *slog.Logger) *poller.Proof {
	return &poller.Proof{
		Source: vendor, Accounts: accounts, Log: logger,
		Maker: func(feed schema.Feed) *schema.Maker { return schema.NewMaker(feed, s.Prefix, s.SaverisURL) },
	}
}
