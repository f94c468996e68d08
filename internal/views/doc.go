// Package views keeps KV buckets that show people what the streams hold. Nothing resumes from a view: it may be wrong for a
// while, may be removed at any time, and is made right again by itself.
//
// Each key shows an entry of a stream: a value, and in the header Saveris-Sequence the sequence of the message that says so.
// One rule writes it. Put hands over an entry and returns at once; of several for one key the newest is left. Whoever keeps
// the view writes it under the expectation that nobody else has written the key since it was looked at, and only over an
// older sequence. Everything else, a conflict or a bucket that is ahead, is settled by asking the stream: what is newest there
// is shown, whoever put what. So two writers may put in any order, and the older entry never wins.
//
// A sequence says what is newer in one stream only. Where the broker has lost the tail of a stream, or somebody has made it
// anew, an entry of before may have any sequence, and then it counts for what it is: an entry is the stream's if the very same
// value stands at its sequence. What the stream has no entry for is settled by the sequence that is shown:
//
//   - one before the stream's first message was removed by retention: it stays;
//   - any other has no message, or somebody else's: it was lost, and the key is deleted.
//
// A stream that was purged by hand looks like one with retention, so it is treated as one. One that was made anew and has
// dropped its first messages before anybody compared would keep days of the one before it; everybody who starts compares.
//
// All keys are compared where that may have happened: when Keep begins, which is a start or a take-over, after a reconnect
// and after any failure, when the stream or the bucket is another one or is shorter than before. That is looked at every three
// seconds, and so is what others have written into the bucket.
//
// A source of many keys is read at once when all keys are compared, and so is the bucket; only what differs is settled then.
//
// Checkpoints and the inventory of the fleet are such views. Another one brings a Source, and hands over entries; an entry without a
// value deletes its key.
//
// A Fold is a view of another kind: what a key shows is not the newest message of a subject, but what the events come to that were
// stored, in an order that is not that of their times. The newest readings and the open alarms are folds. A fold follows the stream,
// so that it sees what others store, keeps in memory which event each key shows, and writes what the bucket shows otherwise in atomic
// batches, oldest events first, again under the expectation that nobody else has written the keys meanwhile. It looks at what others have
// written into the bucket before it looks at the stream: so it has taken whatever another leader has shown. It reads all again where
// the other views compare all keys. What retention has removed from the stream stays, and an alarm of that kind can still end.
package views
