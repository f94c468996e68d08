package pipeline

import (
	"cmp"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/publish"
)

// AccountOf returns whose rows the settings lead to.
func AccountOf(s config.Vendor) string {
	return publish.AccountOf(s.SaverisURL, cmp.Or(s.SaverisAPIKey.Reveal(), s.SaverisUsername))
}
