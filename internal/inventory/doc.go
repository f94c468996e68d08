// Package inventory runs the feed "devices": it looks at the fleet again and again, compares what it sees with what the stream holds,
// and stores what has changed.
//
// A change is stored exactly once. The stream is read first, the newest message of each thing; a change is stored under the
// expectation that this message still is the newest, and has an id that no other change has. After anything that leaves open what is
// stored (a lost answer, another bridge, a stream that has lost its tail) the stream is read again before anything else is
// stored. So a kill at any point, or two bridges at once, cost another look and nothing else.
//
// That a thing was missing is remembered by the process alone: after a start it takes two looks again until it counts as removed.
package inventory
