// Command bench measures backfill from end to end: the bridge beside a raw ceiling, an unprotected script and Benthos, on
// the same rows, with real processes.
//
//	go run ./internal/bench -rows 50000 -slow-rows 5000 -rounds 1  a quick look, a minute
//	go run ./internal/bench -write                                 the figures of docs/benchmarks.md, three quarters of an hour
//	go run ./internal/bench -part formats|resume|live              other parts; -write keeps them as well
//	go run ./internal/bench -part memory -rows 10000000            a tenth of the rows, then all of them
//	go run ./internal/bench -part show -write                      docs/benchmarks.md anew from what was kept
//
// # What runs
//
// Every measurement has a nats-server process of its own with an empty store. The pretend vendor and the plain file server
// run in the benchmark's process, whose CPU counts for nobody; the vendor's files are rendered before anything is measured.
// The contenders are processes: the bridge, this program again (raw ceiling and script), and Benthos, whose module lies in
// internal/bench/benthos so that the bridge's own stays lean. For the same reason Parquet lives in internal/bench/formats.
//
// # What is counted
//
// Time runs from the start of a process to the last message that the server stored, by the server's stamp; for the raw
// ceiling from its first message, because it makes them before. CPU is user and system time, of the contender by rusage, of
// the server by /proc. Memory is the high-water mark of the resident set (VmHWM, read every 20 ms: the mark in rusage holds
// what the parent had when it forked). After each measurement the stream is read: it must hold exactly the rows of the range,
// each id once, or the measurement is void and taken again.
package main
