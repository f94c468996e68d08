package publish

import (
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Feeds are the feeds of the vendor's rows: their streams have pages, with an index and records.
var Feeds = schema.RowFeeds

// StreamFeeds are the feeds that have a stream, in the order in which they are made.
var StreamFeeds = append(slices.Clone(Feeds), schema.Devices, schema.Health)

// paged reports whether the stream of a feed has pages.
func paged(feed schema.Feed) bool { return slices.Contains(Feeds, feed) }

// Names are the names that follow from BRIDGE_PREFIX.
type Names struct{ Prefix string }

// Stream is the name of a feed's stream, such as SAVERIS_READINGS.
func (n Names) Stream(feed schema.Feed) string {
	return strings.ToUpper(n.Prefix) + "_" + strings.ToUpper(string(feed))
}

// Checkpoints is the name of the KV bucket that shows the checkpoints.
func (n Names) Checkpoints() string { return n.Prefix + "-checkpoints" }

// BucketStream is the name of the stream that holds a KV bucket.
func BucketStream(bucket string) string { return "KV_" + bucket }

// Requests is the name of the KV bucket that remembers running exports.
func (n Names) Requests() string { return n.Prefix + "-exports" }

// Leases is the name of the KV bucket that says who works at what.
func (n Names) Leases() string { return n.Prefix + "-leases" }

// Backfills is the name of the KV bucket with the last state of each backfill.
func (n Names) Backfills() string { return n.Prefix + "-backfills" }

// Inventory is the name of the KV bucket that shows the newest document of each thing of the fleet.
func (n Names) Inventory() string { return n.Prefix + "-inventory" }

// Latest is the name of the KV bucket that shows the newest reading of each channel.
func (n Names) Latest() string { return n.Prefix + "-latest" }

// OpenAlarms is the name of the KV bucket that shows the alarms that are open.
func (n Names) OpenAlarms() string { return n.Prefix + "-open-alarms" }

// schedules is the token behind the prefix of messages that the broker is to store at a time of their own. They are no events, and no
// reader's.
const schedules = "schedules"

// Ingest is the first token of all subjects that a bridge publishes on. The streams take it off again, so that nobody sees
// anything of a batch before it is stored.
func (n Names) Ingest() string { return schema.IngestPrefix(n.Prefix) }

// Subjects are what a feed's stream has to take.
func (n Names) Subjects(feed schema.Feed) []string {
	p, f := n.Ingest(), string(feed)
	switch {
	case feed == schema.Health:
		return []string{p + "." + f + ".>", p + "." + schedules + ".>"}
	case !paged(feed):
		return []string{p + "." + f + ".>"}
	}
	return []string{p + "." + f + ".>", p + ".rejected." + f, checkpoint.IndexSubject(p, f, ">"), checkpoint.RecordSubject(p, f, ">")}
}

// transform makes what is stored of what is published.
func (n Names) transform() *jetstream.SubjectTransformConfig {
	return &jetstream.SubjectTransformConfig{Source: n.Ingest() + ".>", Destination: n.Prefix + ".>"}
}

// republished is where those events of a feed are stored that are republished: the live ones, or all where there are no lanes.
func (n Names) republished(feed schema.Feed) string {
	if !paged(feed) {
		return n.Prefix + "." + string(feed) + ".>"
	}
	return n.Prefix + "." + string(feed) + "." + string(schema.Live) + ".>"
}

// schedule is where is published what is to be stored later, by where it would be published at once.
func (n Names) schedule(ingest string) string {
	return n.Ingest() + "." + schedules + ingest[len(n.Ingest()):]
}

// ingest is where is published what is to be stored on a subject.
func (n Names) ingest(stored string) string { return n.Ingest() + stored[len(n.Prefix):] }

func (n Names) record(feed schema.Feed, day string) string {
	return checkpoint.RecordSubject(n.Prefix, string(feed), day)
}

func (n Names) index(feed schema.Feed, day string) string {
	return checkpoint.IndexSubject(n.Prefix, string(feed), day)
}
