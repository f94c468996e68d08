// Package backfill fills a range of the past: Run reads what is not covered and stores it, oldest first, until the checkpoint covers
// all of it, or puts back what somebody has removed; Forecast prints what Run would read and changes nothing. It may be stopped at any
// time and goes on where it was, and any number of processes may work at one range: they share its days by leases. Its progress is in
// the log, on a Bar, and in events under <prefix>.backfills.<id>.
package backfill
