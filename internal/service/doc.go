// Package service is all that bridge run and bridge demo do until they are stopped: it connects, makes first contact with the vendor,
// leads the feeds or stands by for another bridge, polls what it leads, watches over the lines that do so, and serves the page, the
// metrics and the health.
//
// Open does what may fail at a start, and Run polls until its context ends. How long it waits for what is in Timings, so that a test
// waits for nothing that a person would.
//
// The connections of HTTP are limited by code of its own: netutil.LimitListener makes the next one wait, and whoever held them all would
// keep out the probes, whose failing has the bridge restarted. Here the one that is idle for longest is closed.
package service
