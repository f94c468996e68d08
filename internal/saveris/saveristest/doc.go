// Package saveristest is the pretend vendor: an HTTP server that answers like
// the Testo Saveris Data API, on a real port, out of a world that is computed
// instead of stored.
//
// It ships in the product (bridge demo, bridge simulate) and is what everything
// else is tested against. It shares no type and no tag with the client on
// purpose: two sides that share a mistake agree with themselves.
//
// # What it answers
//
//   - POST /v1/token, the login, byte for byte as the gateway's templates write it.
//   - POST and GET of the exports: /v1/measurements, /v2/measurements, /v1/alarms,
//     /v2/alarms, /v3/alarms. v1 paths are guarded by the gateway (scheme C of the
//     reference), the others by the authorizer (scheme J).
//   - The result files, on links that look pre-signed: signature in the query,
//     a life, S3's XML errors, and no Authorization header allowed.
//   - GET /v1/measurements and GET /v1/alarms in one call, if [Switches.Sync] is on.
//   - OPTIONS on the export paths, and the gateway's 403 on every other path, which differs with an Authorization header.
//
// # The world
//
// A row is a function of the seed, its channel and its cycle. Nothing is
// remembered, so the same seed gives the same rows for ever, on every machine,
// whenever the server was started, and [Server.Measurements] can say what is
// true about any range without having served it. A row has an event time and a
// moment from which it can be seen; outages, slow loggers and retransmissions
// move the second, never the first.
//
// # What nobody has written down
//
// Where the vendor's document is silent the server has a switch. Its keys are the
// ones of the behaviour notes (section 18); [Keys] lists them with values and
// defaults. The keys push.*, mo.*, props.*, status.connection, csv.bool,
// csv.array, odata.processed_at, odata.bool and orderby.scope have nothing to act on
// here: those endpoints and columns are not offered, and $filter and $orderby are
// checked for column names but not evaluated. $select is.
//
// # Breaking it
//
// [Faults] are rates, rolled by a seeded generator at every request. [Server.Inject]
// breaks exactly one request (or the n-th, or the next three). Garbage rows are
// part of the world: the same garbage comes again when the range is read again.
package saveristest
