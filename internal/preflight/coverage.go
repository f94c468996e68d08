package preflight

import (
	"context"
	"errors"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
)

// coverageChecks is the check of whose coverage there is, where streams can be looked at.
func coverageChecks(s config.Pipeline) []check {
	if s.Embedded() && !errors.Is(natsd.CheckStore(s.DataDir), natsd.ErrStoreTaken) {
		return nil
	}
	return []check{{"coverage", func(c *checkup) bool { return c.loggedIn() && c.usable() }, checkCoverage}}
}

// checkCoverage does what a start does, once.
func checkCoverage(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, feedPatience+answerTimeout)
	defer cancel()
	pipe := pipeline.New(c.settings, c.js)
	accounts := pipe.Accounts
	unknown, err := accounts.Look(ctx)
	if err != nil {
		err = natsconn.Refusal(c.nc, err)
		if natsconn.Forbidden(err) {
			return fail(err, "give the account the rights that are missing above")
		}
		return fail(err, natsconn.Hint(err))
	}
	if !accounts.Covered() && len(unknown) == 0 {
		return ok("there is none yet under BRIDGE_PREFIX %s", c.settings.Prefix)
	}
	proof := pipe.Proof(c.vendor, quiet)
	proof.Once = true
	for _, one := range unknown {
		err := proof.Admit(ctx, one)
		var other *publish.AnotherAccount
		if errors.As(err, &other) {
			return fail(err, adviceOf(err))
		}
		if err != nil {
			return c.vendorFailing(err)
		}
	}
	if len(unknown) > 0 {
		return ok("of the same account under another login, run goes on with it")
	}
	return ok("of this login's account, %s", accounts.Own())
}
