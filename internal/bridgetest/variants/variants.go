// Package variants thins out the tests that try everything with everything: go test ./... takes some of what there is, and
// VARIANTS=all go test ./... takes all of it.
package variants

import "os"

// All reports whether all is to be taken.
func All() bool { return os.Getenv("VARIANTS") == "all" }

// Take reports whether the i-th of a list is to be taken, where each n-th will do after a change.
func Take(i, n int) bool { return All() || i%n == 0 }

// Of returns how much is to be taken where some will do after a change.
func Of(some, all int) int {
	if All() {
		return all
	}
	return some
}
