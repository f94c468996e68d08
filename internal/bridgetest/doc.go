// Package bridgetest is test support and belongs to no command: environments of the bridge, files, certificates and NATS
// logins of every kind; a TCP link that can be cut, slowed down and deafened, and on Linux a disk that is full; and the audit,
// which is the judge of every test that breaks something.
//
// The audit compares what a stream holds with what the pretend vendor knows to be true: rows, what changes in the fleet, who was silent
// and who polled. What the buckets show it compares with a fold of the streams of its own. It trusts nothing of the bridge: ids,
// index entries, digests and content checks are worked out here once more, from the contract's text alone. Zero in every
// column of an AuditReport is the only pass.
package bridgetest
