package preflight

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
)

// fewNamed is how many of somebody else's messages check names in its line.
const fewNamed = 3

// checkForeign looks for messages in the streams that are not the bridge's.
func checkForeign(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
	defer cancel()
	var texts []string
	advice := ""
	looked, found := 0, 0
	for _, feed := range publish.Feeds {
		name := c.broker.Names.Stream(feed)
		if c.mayAsk(ctx, name) != nil || c.mayCall(ctx, "CONSUMER.CREATE.", name) != nil || c.mayCall(ctx, "CONSUMER.MSG.NEXT.", name) != nil {
			continue // said by others
		}
		stream, seen := checkpoint.NewStream(c.js, name, c.broker.Names.Prefix, string(feed)), map[uint64]bool{}
		stream.OnForeign = func(m checkpoint.ForeignMessage) {
			if seen[m.Seq] {
				return
			}
			seen[m.Seq] = true
			if found++; len(seen) <= fewNamed {
				texts = append(texts, fmt.Sprintf("%s sequence %d on %s: %s", name, m.Seq, m.Subject, m.Why))
			}
		}
		_, err := stream.Look(ctx, 0, publish.MostForeign)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			continue
		case err != nil:
			return info("%s cannot be looked through: %v", name, err)
		case len(seen) > 0:
			advice = cmp.Or(advice, pipeline.ForeignHint(name)) // one will do: the text names the streams
		}
		looked++
	}
	switch more := found - len(texts); {
	case looked == 0:
		return info("there is no stream to look through")
	case found == 0:
		return ok("nobody else's messages are in the newest %d of each stream", checkpoint.Lately)
	case more > 0:
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return warn(advice, "somebody else's messages are passed over: %s", strings.Join(texts, "; "))
}

// strangerWait is what Config.StrangerWait is where nothing is set.
const strangerWait = time.Second

// checkForeignAnswers looks whether somebody else answers what is sent to JetStream.
func checkForeignAnswers(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.strangerWait, strangerWait))
	defer cancel()
	subject, inbox := c.api("INFO"), c.nc.NewInbox()
	answers, err := c.nc.SubscribeSync(inbox)
	if err == nil {
		defer func() { _ = answers.Unsubscribe() }() // of a connection that is closed: it has none any more
		err = c.nc.PublishRequest(subject, inbox, nil)
	}
	for err == nil {
		var m *nats.Msg
		if m, err = answers.NextMsgWithContext(ctx); err == nil && !ofJetStream(m.Data) {
			return warn(natsconn.ForeignAnswerHint, "somebody else answers %s, its answers are ignored: %.100q", subject, m.Data)
		}
	}
	return ok("nobody but JetStream was heard to answer %s", subject)
}

// ofJetStream reports whether an answer is JetStream's to a question about the account.
func ofJetStream(data []byte) bool {
	var a struct{ Type string }
	return len(data) == 0 || json.Unmarshal(data, &a) == nil && a.Type == "io.nats.jetstream.api.v1.account_info_response" // empty: nobody is there
}
