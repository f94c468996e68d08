// Package service is all that bridge run and bridge demo do until they are stopped: it connects, makes first contact with the vendor,
// leads the feeds or stands by for another bridge, polls what it leads, watches over the lines that do so, and serves the page, the
// metrics and the health.
//
// Open does what may fail at a start, and Run polls until its context ends. How long it waits for what is in Timings, so that a test
// waits for nothing that a person would.
//
// # When ctx ends
//
// Whoever polls lets go in this order, and each wait is bounded:
//
//   - the batch in hand, which the server may still answer (publish: 3 s); none is begun
//   - the views, which write what is pending, first that of the newest readings or of the open alarms, then that of the checkpoints
//     (views: 2 s each)
//   - the lease, which is given back so that the next leader starts at once (lease: 2 s)
//
// Beside that HTTP ends (ShutdownTimeout: 2 s), and other processes are told that this one has no exports in flight any more (saveris: 1 s). Then
// Close sends what is left and closes the connection (natsconn.CloseWait: 5 s), and shuts down the embedded server, which writes its
// store for as long as that takes. Without that the sum is 14 s where NATS answers nothing.
//
// The connections of HTTP are limited by code of its own: netutil.LimitListener makes the next one wait, and whoever held them all would
// keep out the probes, whose failing has the bridge restarted. Here the one that is idle for longest is closed.
package service
