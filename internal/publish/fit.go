package publish

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/schema"
)

// What a stream has to allow, where it has limits for consumers.
const (
	MinConsumers   = 10          // SpareConsumers, the others for a page
	SpareConsumers = 4           // by which a bridge that stores reads at the same time: days, newest events, silence, others' messages
	MinIdle        = time.Minute // that a consumer may be inactive
)

// MostConsumers returns how many consumers a stream may have where the account allows so many of one. 0 is any number.
func MostConsumers(have jetstream.StreamConfig, account int) int {
	most := max(0, have.MaxConsumers)
	if account > 0 && (most == 0 || account < most) {
		return account
	}
	return most
}

// maxConsumers is how many consumers the bridge's streams and buckets may have: as many as nats-server 2.15 allows by itself. Where it
// were not said, the server's default_max_consumers would count, which nobody can ask for.
const maxConsumers = 1000

// Unfit is a stream that exists and cannot hold a feed as it is. It is an ErrUnfit.
type Unfit struct {
	Want   jetstream.StreamConfig // what the bridge would create
	Wrong  []string               // each difference that matters
	Routes bool                   // subjects or transform differ: a stream of a bridge that published on the subjects that it stored is like that
	Atomic bool                   // allow_atomic is off
	Few    bool                   // max_consumers is too low
	Others bool                   // something else differs, which may not be undone by an edit
}

// Error names the differences.
func (u *Unfit) Error() string {
	return fmt.Sprintf("%v: %s", ErrUnfit, strings.Join(u.Wrong, "; "))
}

// Unwrap returns ErrUnfit.
func (u *Unfit) Unwrap() error { return ErrUnfit }

// Advice returns the exit code and what to do.
func (u *Unfit) Advice() (code int, text string) {
	if never := u.Routes && u.Atomic; !u.Others && !never { // a bridge's
		return hint.NATS, "what it holds stays as it is: " + u.edit()
	}
	return hint.NATS, "alter the stream, or choose another BRIDGE_PREFIX; bridge check names each difference"
}

// edit is the command that has the stream take what the bridge publishes.
func (u *Unfit) edit() string {
	want, command := u.Want, "nats stream edit "+u.Want.Name+" --force"
	if u.Routes {
		command += fmt.Sprintf(" --subjects='%s' --transform-source='%s' --transform-destination='%s' %s",
			strings.Join(want.Subjects, ","), want.SubjectTransform.Source, want.SubjectTransform.Destination, republishFlags(want))
	}
	if u.Atomic {
		command += " --allow-batch"
	}
	if u.Few {
		command += fmt.Sprintf(" --max-consumers=%d", MinConsumers)
	}
	return command
}

// RepublishCommand is the command that has a feed's stream send its live events on to subscribers.
func (c Config) RepublishCommand(feed schema.Feed) string {
	want := c.Stream(feed)
	return fmt.Sprintf("nats stream edit %s --force %s", want.Name, republishFlags(want))
}

func republishFlags(want jetstream.StreamConfig) string {
	return fmt.Sprintf("--republish-source='%s' --republish-destination='%s'", want.RePublish.Source, want.RePublish.Destination)
}

// versionOf is where a stream has the version of the server that holds it.
const versionOf = "_nats.ver"

// CheckStream returns an Unfit where an existing stream cannot hold a feed, and another ErrUnfit where the server that holds
// it cannot.
func (c Config) CheckStream(feed schema.Feed, have jetstream.StreamConfig) error {
	if version := have.Metadata[versionOf]; version != "" && older(version, MinServer) {
		return unfitf("%w: the server that holds stream %s is version %s, atomic batches need %s or newer", ErrOldServer, have.Name, version, MinServer)
	}
	routes, others := c.wrongRoutes(feed, have), wrongSettings(have)
	if c.Stream(feed).AllowMsgSchedules && !have.AllowMsgSchedules {
		others = append(others, "allow_msg_schedules is false, expected true: the broker could not say that the bridge is silent")
	}
	u := &Unfit{Want: c.Stream(feed), Routes: len(routes) > 0, Atomic: !have.AllowAtomicPublish, Others: len(others) > 0}
	if u.Wrong = append(routes, others...); u.Atomic {
		u.Wrong = append(u.Wrong, "allow_atomic is false, expected true")
	}
	if u.Few = have.MaxConsumers > 0 && have.MaxConsumers < MinConsumers; u.Few {
		u.Wrong = append(u.Wrong, fmt.Sprintf("max_consumers is %d, expected none or at least %d: the bridge reads by consumers, and its page too", have.MaxConsumers, MinConsumers))
	}
	if len(u.Wrong) == 0 {
		return nil
	}
	return u
}

// wrongRoutes lists what is wrong with a stream's way from what is published to what is stored.
func (c Config) wrongRoutes(feed schema.Feed, have jetstream.StreamConfig) (wrong []string) {
	var missing []string
	for _, subject := range c.Names.Subjects(feed) {
		if !slices.ContainsFunc(have.Subjects, func(has string) bool { return schema.SubjectWithin(subject, has) }) {
			missing = append(missing, subject)
		}
	}
	if len(missing) > 0 {
		wrong = append(wrong, fmt.Sprintf("subjects %s are missing (it has %s)", strings.Join(missing, ", "), strings.Join(have.Subjects, ", ")))
	}
	for _, subject := range have.Subjects {
		if schema.SubjectsOverlap(subject, c.Names.Prefix+".>") {
			wrong = append(wrong, fmt.Sprintf("subject %s is not expected: it would store what anybody publishes for readers", subject))
		}
	}
	if want := c.Names.transform(); have.SubjectTransform == nil || *have.SubjectTransform != *want {
		wrong = append(wrong, fmt.Sprintf("subject transform is %s, expected %s", printTransform(have.SubjectTransform), printTransform(want)))
	}
	return wrong
}

func printTransform(t *jetstream.SubjectTransformConfig) string {
	if t == nil {
		return "none"
	}
	return t.Source + " to " + t.Destination
}

// wrongSettings lists what else but allow_atomic would break the feed.
func wrongSettings(have jetstream.StreamConfig) (wrong []string) {
	if have.MaxMsgSize > 0 && have.MaxMsgSize < MinPayload {
		wrong = append(wrong, fmt.Sprintf("max_msg_size is %d, expected none or at least %d", have.MaxMsgSize, MinPayload))
	}
	if have.MaxMsgsPerSubject > 0 {
		wrong = append(wrong, fmt.Sprintf("max_msgs_per_subject is %d, expected none: it would drop events", have.MaxMsgsPerSubject))
	}
	if have.NoAck {
		wrong = append(wrong, "no_ack is true: nobody would know what is stored")
	}
	if idle := have.ConsumerLimits.InactiveThreshold; idle > 0 && idle < MinIdle {
		wrong = append(wrong, fmt.Sprintf("consumer_limits.inactive_threshold is %v, expected none or at least %v: the bridge's consumers would not be taken", idle, MinIdle))
	}
	if have.AllowMsgCounter {
		wrong = append(wrong, "allow_msg_counter is true, expected false: it would take counts and no events")
	}
	if have.SubjectDeleteMarkerTTL > 0 {
		wrong = append(wrong, fmt.Sprintf("subject_delete_marker_ttl is %v, expected none: markers stand where records are looked for", have.SubjectDeleteMarkerTTL))
	}
	if have.Sealed || have.Mirror != nil {
		wrong = append(wrong, "it is sealed, or a mirror")
	}
	if have.Retention != jetstream.LimitsPolicy {
		wrong = append(wrong, fmt.Sprintf("retention is %s, expected Limits", have.Retention))
	}
	return wrong
}

// Republishes reports whether a stream sends its live events on to subscribers, once they are stored.
func (c Config) Republishes(feed schema.Feed, have jetstream.StreamConfig) bool {
	r := have.RePublish
	return r != nil && r.Source == r.Destination && !r.HeadersOnly && schema.SubjectWithin(c.Names.republished(feed), r.Source)
}
