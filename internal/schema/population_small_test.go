//go:build !race

package schema

// population is how many rows of a feed are drawn in a run after a change.
const population = 1000
