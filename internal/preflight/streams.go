package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats.go/jetstream"
)

// streamAdvice warns about settings that serve but promise less than people may expect.
func (c *checkup) streamAdvice(feed schema.Feed, have jetstream.StreamConfig, state jetstream.StreamState) Finding {
	revisit := c.settings.Revisit
	horizon := revisit[len(revisit)-1] + 48*time.Hour
	if !slices.Contains(publish.Feeds, feed) { // nothing is read again for it
		horizon = 0
	}
	var texts, hints []string
	add := func(wrong bool, advice, format string, args ...any) {
		if wrong {
			texts, hints = append(texts, fmt.Sprintf(format, args...)), append(hints, advice)
		}
	}
	used := usedPart(have, state)
	add(!c.broker.Republishes(feed, have), c.broker.RepublishCommand(feed), "it republishes no live events: subscribers without JetStream see none")
	add(have.Storage == jetstream.MemoryStorage, "use file storage", "memory storage: a restart of NATS loses everything")
	add(have.Storage == jetstream.FileStorage && have.Compression == jetstream.NoCompression && have.Replicas <= 1, "nats stream edit "+have.Name+" --compression=s2 -f; it helps what is stored from then on",
		"not compressed: a reading takes about 1,150 bytes on disk instead of 217 to 300")
	add(have.Storage == jetstream.FileStorage && have.Compression != jetstream.NoCompression && have.Replicas > 1, "nats stream edit "+have.Name+" --compression=none -f",
		"compressed with %d replicas: with sync_interval: always, nats-server 2.15 can damage a replica's copy when it restarts (s2: corrupt input)", have.Replicas)
	add(have.MaxAge > 0 && have.MaxAge < horizon, "raise max_age, or shorten BRIDGE_REVISIT",
		"max_age %v is not two days longer than the last re-read after %v", have.MaxAge, horizon-48*time.Hour)
	add(have.Discard == jetstream.DiscardNew && (have.MaxBytes > 0 || have.MaxMsgs > 0), "give it room in time",
		"discard new: the bridge stalls when the stream is full")
	add(have.Discard == jetstream.DiscardOld && used > 0.95 && time.Since(state.FirstTime) < horizon, "raise max_bytes and max_msgs, or shorten BRIDGE_REVISIT",
		"%s is full and the oldest events go: it does not hold two days more than the last re-read after %v", limitName(have), horizon-48*time.Hour)
	most := publish.MostConsumers(have, c.consumersOfAccount())
	add(most > 0 && state.Consumers > most-publish.SpareConsumers, "see which of nats consumer ls "+have.Name+" can go, or raise max_consumers",
		"%d of the %d consumers that it may have (max_consumers) are there, which leaves the bridge fewer than the %d that it needs", state.Consumers, most, publish.SpareConsumers)
	add(have.Replicas == 1 && c.nc.ConnectedClusterName() != "", "nats stream edit with --replicas 3 keeps the events when a node is lost",
		"one replica in a cluster")
	if len(texts) > 0 {
		return warn(strings.Join(hints, "; "), "%s", strings.Join(texts, "; "))
	}
	text := fmt.Sprintf("%d messages, replicas %d", state.Msgs, have.Replicas)
	if used > 0 {
		text += fmt.Sprintf(", %.0f %% of %s used, when it is full the oldest events go", 100*used, limitName(have))
	}
	return ok("%s", text)
}

// consumersOfAccount is how many consumers the account allows of a stream; 0 = any number, or it is not known.
func (c *checkup) consumersOfAccount() int {
	if c.account == nil {
		return 0
	}
	return c.broker.Tier(c.account).Limits.MaxConsumers
}

// usedPart is how much a stream holds of what it may, 0 where it has no such limit.
func usedPart(have jetstream.StreamConfig, state jetstream.StreamState) (part float64) {
	if have.MaxBytes > 0 {
		part = float64(state.Bytes) / float64(have.MaxBytes)
	}
	if have.MaxMsgs > 0 {
		part = max(part, float64(state.Msgs)/float64(have.MaxMsgs))
	}
	return part
}

func limitName(have jetstream.StreamConfig) string {
	if have.MaxBytes > 0 {
		return "max_bytes"
	}
	return "max_msgs"
}

// checkImmutable says whether events can be removed from the streams.
func checkImmutable(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
	defer cancel()
	var safe, open []string
	closing := "--deny-delete --deny-purge" // of the first that is open
	for _, feed := range publish.StreamFeeds {
		name := c.broker.Names.Stream(feed)
		if c.mayAsk(ctx, name) != nil {
			continue // said above
		}
		info, err := c.stream(ctx, name)
		if err != nil {
			continue
		}
		switch have := info.Config; {
		case have.DenyDelete && have.AllowMsgSchedules: // which exclude deny_purge: there is nothing more to close
		case have.DenyDelete && have.DenyPurge:
			safe = append(safe, name)
		default:
			if open = append(open, name); len(open) == 1 && have.AllowMsgSchedules {
				closing = "--deny-delete"
			}
		}
	}
	names := strings.Join(open, ", ")
	switch {
	case len(open) > 0 && c.broker.Immutable:
		return warn("nats stream edit "+open[0]+" "+closing+" -f", "BRIDGE_IMMUTABLE is true, but events can be deleted and purged from %s", names)
	case len(open) > 0:
		return info("events can be deleted and purged from %s; bridge backfill --repair puts them back as long as the vendor shows them", names)
	case len(safe) > 0:
		return ok("nothing can be deleted or purged from %s", strings.Join(safe, ", "))
	case c.broker.Immutable:
		return ok("run creates streams from which nothing can be deleted or purged")
	}
	return info("run creates streams from which events can be deleted and purged; BRIDGE_IMMUTABLE=true makes others")
}
