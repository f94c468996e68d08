package pipeline

import (
	"fmt"
	"log/slog"
	"sync"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// ForeignLog names somebody else's messages in a feed's stream, each once. It may be used by many goroutines.
type ForeignLog struct {
	log    *slog.Logger
	stream string

	mu       sync.Mutex
	named    map[uint64]bool // by sequence
	answered bool            // somebody who answers was named
}

// ForeignLog makes what names somebody else's messages in a feed's stream.
func (p *Pipeline) ForeignLog(feed schema.Feed, log *slog.Logger) *ForeignLog {
	return &ForeignLog{log: log, stream: Broker(p.Settings.Streams).Names.Stream(feed), named: map[uint64]bool{}}
}

// OnMessage names a message, unless it was named before.
func (f *ForeignLog) OnMessage(m checkpoint.ForeignMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.named[m.Seq] || len(f.named) > publish.MostForeign {
		return
	}
	if f.named[m.Seq] = true; len(f.named) > publish.MostForeign {
		f.log.Warn("there are more of somebody else's messages, no more of them are named", "stream", f.stream, "named", publish.MostForeign, "hint", ForeignHint(f.stream))
		return
	}
	f.log.Warn("somebody else's message is in the stream, passed over", "stream", f.stream, "seq", m.Seq, "subject", printable.Text(m.Subject),
		"why", printable.Text(m.Why), "hint", ForeignHint(f.stream))
}

// OnAnswer names somebody else who answers requests to JetStream, once.
func (f *ForeignLog) OnAnswer(subject string, answer []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answered {
		return
	}
	f.answered = true
	f.log.Warn("somebody else answers what is sent to JetStream, its answers are ignored", "stream", f.stream, "subject", printable.Text(subject),
		"answer", printable.Text(fmt.Sprintf("%.100q", answer)), "hint", natsconn.ForeignAnswerHint)
}

// ForeignHint returns what to do about somebody else's messages.
func ForeignHint(stream string) string {
	return "no feed stalls because of it; find out who else publishes there, and let nobody but the bridge publish on its ingest subjects; nats stream get " + stream + " SEQ shows one"
}
