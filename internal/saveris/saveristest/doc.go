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
//   - POST and GET of the exports of readings and alarms: /v1/measurements, /v2/measurements, /v1/alarms, /v2/alarms,
//     /v3/alarms.
//   - POST and GET of the exports of the fleet: device properties, device and sensor status, equipments, tenants, locations
//     and measuring objects, in all versions of the document, each with its own columns, types and body; and of executed tasks.
//   - The result files, on links that look pre-signed: signature in the query,
//     a life, S3's XML errors, and no Authorization header allowed.
//   - The nine GETs in one call that the document has, all of the fleet, with their nested objects and flags "0" and "1";
//     413 above [Switches.SyncLimit].
//   - GET /v1/measurements and GET /v1/alarms in one call, which it does not have, if [Switches.Sync] is on.
//   - OPTIONS on all paths, and the gateway's 403 on every other path, which differs with an Authorization header.
//
// Some paths are guarded by the gateway (scheme C of the reference), the others by the authorizer (scheme J).
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
// So is the fleet: [Server.Fleet] is what exists at a moment, and [Server.FleetChanges] what changed when. Readings and alarms
// are of its tenants, sites, devices and channels, alarms keep to its limits, batteries run down to the alarm that tells of it
// ([World.BatteryEvery]), and the status of a device that is cut off stands still. With [World.ChangeEvery] devices are
// renamed, moved to another site, replaced by others of other uuids, serial numbers and channel ids, or retired: silent and
// inactive for six cycles, then in no list, until another one takes the place.
//
// Tasks are executed in every site ([World.TaskEvery]), some for an alarm of the alarms feed. One in four is paused: what was
// done before has the status PAUSED and no end, and is another content of the same rows once it is FINISHED. [Server.Tasks]
// is the truth of them, and depends on the switch tasks.column as the answers do.
//
// Nothing of the fleet is kept: what a look asks for is rendered anew. 18,000 devices with 36,000 channels cost about 0.9 s of
// CPU as compressed exports, and 0.1 s as the probes of one call, if [Switches.SyncLimit] lets them pass.
//
// # What nobody has written down
//
// Where the vendor's document is silent the server has a switch. Its keys are the
// ones of the behaviour notes (section 18); [Keys] lists them with values and
// defaults. The keys push.*, odata.processed_at, odata.bool and orderby.scope have nothing to act on
// here: $filter and $orderby are checked for column names but not evaluated. $select is.
//
// In the live form of measuring objects only the alarm configuration is known; measuring_instructions follow the document's
// example in camel case, and of the codes of mo.enum those of the lower limit in degrees.
//
// # Breaking it
//
// [Faults] are rates, rolled by a seeded generator at every request. [Server.Inject]
// breaks exactly one request (or the n-th, or the next three). Garbage rows are
// part of the world: the same garbage comes again when the range is read again.
package saveristest
