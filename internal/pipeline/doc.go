// Package pipeline makes what the rows of a feed go through, from the vendor to the streams: his client, the feed's writer, the view of
// its checkpoints, the proof of whose account the coverage is, and the leases by which processes share the work. Whatever polls, fills,
// checks, compares or resets a feed makes its parts here, so that all of them mean the same settings by the same words.
package pipeline
