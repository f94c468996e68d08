// Package preflight finds out whether a bridge will work: settings, login, feeds and clock of the vendor, NATS with its streams, buckets
// and rights, and whose coverage there is. Each check is a Finding with what to do where it is not well. Nothing is created, changed
// or stored: a right is tried by a request that the server must refuse for another reason.
//
// What fails here is what a start of bridge run refuses too: both ask the same functions of publish, poller and natsconn.
package preflight
