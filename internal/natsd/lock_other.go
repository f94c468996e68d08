//go:build !unix

package natsd

import "os"

const lockFile = "bridge.lock"

// Locks says that only the address that a server listens on keeps a second one off its store.
const Locks = false

// lock does nothing where there is no flock: the taken listen address keeps a second process off.
func lock(string) (*os.File, error) { return nil, nil }

func checkLock(string) error { return nil }

// writable leaves the answer to the first write.
func writable(string) error { return nil }
