// Package preflight finds out whether a bridge will work, and makes a start.
//
// Run, which is bridge check, looks at settings, login, feeds and clock of the vendor, NATS with its streams, buckets and rights, and
// whose coverage there is. Each check is a Finding with what to do where it is not well. Nothing is created, changed or stored: a right
// is tried by a request that the server must refuse for another reason.
//
// Start.Open connects, tries the login and makes the streams (MakeStreams). It asks the same functions of publish, poller and natsconn as
// the checks do, but fewer of them: it does not look for what a bridge can do without, as one of several feeds or a bucket.
package preflight
