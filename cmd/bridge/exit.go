package main

import (
	"context"
	"errors"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
)

// The exit codes of the contract.
const (
	exitDone     = 0 // done, or stopped by a signal
	exitFailed   = 1 // failed while running
	exitSettings = 2 // wrong usage or settings
	exitVendor   = 3 // the vendor refuses the login or the licence
	exitNATS     = 4 // NATS cannot be used
)

// verdict is the one place where an error becomes an exit code and a hint. A hint says what to do; it is empty where
// nothing better is known than the error itself.
func verdict(err error) (code int, hint string) {
	var usage *usageError
	var wrong *config.Error
	var address *listen.Error
	var check *checkError
	var differences *notProven
	var paused *pausedError
	var incomplete *poller.IncompleteError
	var replayed *replayError
	var other *publish.AnotherAccount
	var unrepaired *notRepaired
	var place *natsconn.ElsewhereError
	var full *natsd.FullError
	switch {
	case errors.As(err, &usage):
		return exitSettings, usage.help()
	case errors.Is(err, config.ErrNoCredentials):
		return exitSettings, "set them, or see the bridge at work without an account: bridge demo"
	case errors.As(err, &wrong):
		return exitSettings, "correct what is named above; bridge run --help lists all variables and their defaults"
	case errors.Is(err, natsconn.ErrContext):
		return exitSettings, "nats context ls shows the contexts of this machine; NATS_URL and the other NATS_ variables do without one"
	case errors.As(err, &other):
		return exitSettings, accountHint(other)
	case errors.As(err, &check):
		code, _ = verdict(check.failed[0])
		return code, "the FAIL lines above say what to do"
	case errors.Is(err, saveris.ErrRefused):
		return exitVendor, vendorHint(err)
	case errors.Is(err, saveris.ErrAddress), errors.Is(err, saveris.ErrUntrusted):
		return exitSettings, vendorHint(err)
	case errors.As(err, &address):
		return listenCode(address), listenHint(address)
	case errors.As(err, &full):
		return exitNATS, "free some space there, or choose a BRIDGE_DATA_DIR (demo: --data-dir) on another disk, and start it again"
	case errors.Is(err, natsd.ErrStoreTaken):
		return exitNATS, "stop that bridge, or choose another BRIDGE_DATA_DIR (demo: --data-dir)"
	case errors.Is(err, natsd.ErrStore):
		return exitSettings, "choose a BRIDGE_DATA_DIR (demo: --data-dir) that this user can write to"
	case errors.As(err, &replayed):
		return exitFailed, replayed.hint
	case errors.As(err, &place):
		return exitNATS, place.Hint()
	case errors.Is(err, natsconn.ErrNobodyThere):
		return exitNATS, "start bridge run, which this follows; bridge status and bridge replay read what is stored without it"
	case errors.Is(err, natsconn.ErrNoStore):
		return exitNATS, "run this where the bridge runs, or set BRIDGE_DATA_DIR or NATS_URL"
	case errors.Is(err, natsconn.ErrNothingStored):
		return exitNATS, "start bridge run, or wait for its first poll; or set BRIDGE_PREFIX to the one it uses"
	case errors.Is(err, natsconn.ErrUnusable), errors.Is(err, publish.ErrUnusable):
		return exitNATS, natsHint(err)
	case errors.As(err, &differences):
		return exitFailed, differences.hint()
	case errors.As(err, &unrepaired):
		return exitFailed, "only a backup of the streams may still hold them: keep the list above, and ask who deletes from the streams; from those that BRIDGE_IMMUTABLE=true creates nobody can"
	case errors.As(err, &paused):
		return exitFailed, "this goes on where it has stopped: " + paused.again
	case errors.Is(err, poller.ErrRemoved):
		return exitFailed, "the stream keeps less than the range: raise its limits (max_age, max_bytes, max_msgs), or fill less at once"
	case errors.As(err, &incomplete):
		return exitFailed, "all else is stored; the same command tries these parts again, and nothing else"
	case errors.Is(err, errStopped):
		return exitFailed, "run it again"
	case errors.Is(err, context.Canceled):
		return exitFailed, "it was stopped before it was done; run it again"
	}
	return exitFailed, vendorHint(err)
}

// listenCode returns the exit code of an address that cannot be listened on: one that nobody could listen on is a wrong setting, one
// that is taken may be free later.
func listenCode(e *listen.Error) int {
	switch {
	case !e.Taken():
		return exitSettings
	case errors.Is(e.Err, natsd.ErrListen):
		return exitNATS
	}
	return exitFailed
}
