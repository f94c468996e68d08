// Package audit compares what a stream holds with what the pretend vendor knows to be true. It is the judge of every test
// that breaks something, and belongs to no command.
//
// It trusts nothing of the bridge: ids, index entries, digests and content checks are worked out here once more, from the
// contract's text alone. Zero in every column of a Report is the only pass.
package audit
