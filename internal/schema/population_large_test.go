//go:build race

package schema

// population is how many rows of a feed are drawn in a run before it lands.
const population = 3000
