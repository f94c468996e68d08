package metrics

// Bounds of buckets, in seconds but for sizes.
var (
	exportSeconds    = []float64{.1, .25, .5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 900, 3600}
	commitSeconds    = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60}
	commitSizes      = []float64{0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000}
	latenessSeconds  = []float64{1, 5, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 6 * hour, 12 * hour, day, 2 * day, 3 * day, 7 * day}
	delaySeconds     = []float64{1, 2, 5, 10, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 6 * hour, day}
	freshnessSeconds = []float64{1, 5, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 20 * minute, 30 * minute, hour, 2 * hour, 6 * hour, 12 * hour, day}
)

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

// define makes all metrics, in the order in which they are listed.
func (m *Metrics) define() {
	m.defineRows()
	m.defineVendor()
	m.defineCommits()
	m.defineStored()
	m.defineFleet()
	m.defineProcess()
}

func (m *Metrics) defineRows() {
	m.rows = m.counter("rows_read_total", "Rows that the vendor answered with, of windows that were stored.", "feed", "route", "reason")
	m.events = m.counter("events_stored_total", "Events stored by this process; rejected rows are not among them.", "feed", "lane")
	m.known = m.counter("rows_known_total", "Rows that were stored already, or came twice.", "feed")
	m.corrections = m.counter("corrections_total", "Events stored by this process that revise an earlier one.", "feed")
	m.rejected = m.counter("rows_rejected_total", "Rows stored as rejected events.", "feed")
	m.dropped = m.counter("events_dropped_total", "Events that were given up. There are none: it stays 0.", "feed")
	m.conflicts = m.counter("commit_conflicts_total", "Commits that met another writer's.", "feed")
	m.failed = m.counter("windows_failed_total", "Tries that failed and were repeated: to plan a window, to fetch or to commit it.", "feed", "stage")
}

func (m *Metrics) defineVendor() {
	m.gauges.inFlight = m.gauge("exports_in_flight", "Exports that were asked for and have not been read to their end.")
	m.gauges.exportAge = m.gauge("export_wait_seconds", "Since the oldest export was asked for that this process waits for; 0 is none.", "feed")
	m.exports = m.counter("exports_total", "Exports that have ended: completed, failed, expired (forgotten, or dead links), too_large, abandoned (not ready after twice SAVERIS_EXPORT_TIMEOUT, or the bridge was stopped).", "outcome")
	m.exportTime = m.histogram("export_duration_seconds", "From asking for an export to its end.", exportSeconds, "outcome")
	m.requests = m.counter("http_requests_total", "Requests to the vendor by the status of the answer; error is none.", "code")
	m.gauges.throttled = m.gauge("throttled_until_timestamp_seconds", "Until when the vendor wants to be left alone; 0 is not at all.")
	m.gauges.token = m.gauge("token_expiry_timestamp_seconds", "When the token ends; 0 is no token. Whoever stands by does not renew it.")
	m.gauges.sunset = m.gauge("endpoint_sunset_timestamp_seconds", "When an endpoint of the vendor's may stop to answer, where he has announced its end; 0 is without a date.", "endpoint")
	m.gauges.clock = m.gauge("clock_ahead_seconds", "How far the clock of this machine is ahead of the vendor's, negative behind; up to a second is his rounding, 0 also while his is not known.")
	m.logins = m.counter("login_failures_total", "Logins that did not work, refused or unanswered.")
}

func (m *Metrics) defineCommits() {
	m.commitTime = m.histogram("commit_duration_seconds", "One batch, from its first message to the acknowledgement.", commitSeconds, "feed")
	m.commitSize = m.histogram("commit_events", "Events in a batch; 0 where it says only what has been read.", commitSizes, "feed")
	m.lateness = m.histogram("lateness_seconds", "Newly stored events: from measuring to the vendor's cloud.", latenessSeconds, "feed")
	m.delay = m.histogram("storing_delay_seconds", "Newly stored live events: from the vendor's cloud to the stream.", delaySeconds, "feed")
	m.freshness = m.histogram("freshness_seconds", "Newly stored live events of polls: from measuring to the stream, end to end.", freshnessSeconds, "feed")
}

func (m *Metrics) defineStored() {
	m.gauges.newest = m.gauge("newest_event_age_seconds", "Since the time of the newest stored event; it grows by the clock.", "feed")
	m.gauges.lastPoll = m.gauge("last_poll_age_seconds", "Since the last stored poll began, by whichever bridge; it grows by the clock.", "feed")
	m.gauges.covered = m.gauge("covered_until_timestamp_seconds", "End of the newest interval that has been read completely.", "feed")
	m.gauges.gaps = m.gauge("gaps_seconds", "Time that has not been read, between the feed's beginning and the end of what has been.", "feed")
	m.gauges.rejected = m.gauge("rejected_rows", "Rows that are stored as rejected events, by polls and backfills, since the stream was made.", "feed")
	m.gauges.leading = m.gauge("leading", "1 where this process polls, 0 where it stands by.", "feed")
	m.gauges.stalled = m.gauge("feed_stalled", "1 where this process polls and has stored no poll for three intervals, a minute at least.", "feed")
	m.gauges.connected = m.gauge("nats_connected", "1 while there is a connection to NATS.")
	m.gauges.storeFree = m.gauge("store_free_bytes", "Free space where the embedded NATS server has its store; absent with a server of NATS_URL.")
	m.gauges.storeWritable = m.gauge("store_writable", "1 while the embedded NATS server can store, 0 without space or after an error of its disk; absent with a server of NATS_URL.")
	m.gauges.ratio = m.gauge("backfill_covered_ratio", "Share of a running backfill's range that has been read, 0 to 1.", "id")
	m.gauges.lastUpdate = m.gauge("backfill_last_update_age_seconds", "Seconds since the last update of a backfill that has not ended.", "id")
}

func (m *Metrics) defineFleet() {
	m.things = m.gaugeVec("fleet_things", "Things of the fleet that this process knew at its last look.", "kind")
	m.changes = m.counter("fleet_changes_total", "Changes of the fleet stored by this process.", "kind")
	m.gauges.silent = m.gauge("channels_silent", "Channels that are silent by BRIDGE_SILENT_AFTER, retired and inactive ones left out; given by the process that polls readings, once it has judged.")
	m.looks = m.counter("fleet_looks_total", "Looks at the fleet by this process: complete, incomplete where some of it could not be read, or failed.", "outcome")
}

func (m *Metrics) defineProcess() {
	m.gauges.interval = m.gauge("poll_interval_seconds", "BRIDGE_POLL_INTERVAL, for alert rules.")
	m.gauges.build = m.gauge("build_info", "Always 1.", "version", "commit", "go_version")
}
