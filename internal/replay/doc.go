// Package replay publishes stored events once more, in the order of the time at which they were measured.
//
// It goes from UTC day to UTC day. A day's index says where its events stand; a first pass reads them and keeps time and
// sequence, sixteen bytes an event, of all feeds together. These are sorted, and slices of them are read again and given to the
// Publisher. So a day of millions of events takes little memory, and late rows and backfills come in their turn, wherever
// they stand in the stream. The first pass reads the whole messages, not their headers: in structured mode these have no time.
//
// Events of the same time come in the order of the feeds, then of the stream: a correction comes after what it revises.
// A replay that ends early has published all events before one time and none after it, and says so in an Unfinished.
//
// Rejected rows belong to no day and are not replayed.
//
// Atomic batches are sent by orbit.go's PublishMsgBatch. It believes the first answer to a batch's first message, whoever sent
// it: at worst a replay ends early. The batches of package publish, where that will not do, are its own.
package replay
