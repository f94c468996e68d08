// Package publish stores events: each once, and never without the checkpoint that speaks of them.
//
// A commit is one atomic batch on the feed's stream: up to 998 events of one day, the index message with an entry for
// each of them, and the day's new record. The record carries the expectation that the day's last record is still the one
// that this process knows (Nats-Expected-Last-Subject-Sequence), so all of it is stored or nothing, and whoever knows an
// older page stores nothing.
//
// While the server stores a batch the next one is sent to it, all but its record: that names the sequence of the record
// before it, which must not be guessed. Another writer's batch of the same size would make the guess come true.
//
// That leaves one rule for every failure. A conflict, a lost answer, a paused process that wakes up, a broker that lost
// its tail: bring the page up to date from the stream, drop what it holds, go on with the rest. Whether an unanswered
// batch was stored is never guessed, the page knows.
//
// The way of a commit is in commit.go (stage, commit, acknowledgement) and batch.go (what is sent).
//
// A Writer that repairs stores once more what the index lists and the stream lacks, and nothing else twice: see repair.go.
//
// Open creates the streams where they are missing and checks those that exist; it never alters one. What people see of the
// records, the checkpoint bucket, is kept by package views.
package publish
