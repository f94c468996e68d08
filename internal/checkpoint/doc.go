// Package checkpoint knows what is stored and what has been read.
//
// The unit of everything is the page: one feed, one UTC day of event time. A page lives in the feed's own stream and
// nowhere else. Its newest Record says which intervals of the day have been read completely, how many events are stored
// for it and their Digest; its index messages hold one Entry an event. A Page is both of them in memory, and a Book keeps
// the pages of one feed that are in use.
//
// The stream is the truth and memory is a copy: whenever there is doubt (a conflict, a lost answer, a restart, a broker
// that lost its tail) the page is brought up to date by Book.Page, which believes nothing that the record's row count
// and digest do not prove. There is no second way to recover.
//
// An event that somebody has removed is still in the index: its page knows it, and Stream.Lacking finds it. When it is
// stored once more, an index message with HeaderAgain says where it stands now.
//
// Nothing here writes. Records and index messages are written by package publish, in the batch that stores the events.
package checkpoint
