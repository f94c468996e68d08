// Package poller is the straight line that every row takes, and the plans that say which window is read next:
//
//	plan.Next ─► saveris.Prepare ─► Result.Rows ─► schema.Event ─► page.New ─► publish.Commit
//
// A Plan yields half-open windows of event time and ends with io.EOF or never. A Line reads one window after the other
// for one plan, turns its rows into events and commits them page by page. Nothing is remembered between windows but what
// the checkpoint says: a window that failed is still a gap, so the plan yields it again.
//
// Tail reads the newest window at every poll. Fill reads what lies behind it: first the gaps, then the intervals that are
// due to be read again for late rows. AfterOutage reads what loggers deliver that had been cut off. Live polling is one line
// with each of them, side by side, on one Writer.
//
// Backlog yields the gaps of a range, and ends. A Backfill shares one among several lines: while one of them commits, the
// others have the vendor prepare the next exports. A Pool bounds how many windows are in memory, for a backfill one: rows of
// the next window are only read when this one is stored.
//
// Fetching and committing are retried apart. A window that could not be fetched is planned anew; rows that were fetched
// are held until the broker has them, however long that takes, so a NATS outage asks nothing more of the vendor.
package poller
