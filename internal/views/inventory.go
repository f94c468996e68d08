package views

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// NewInventory makes the view of the fleet: the newest document of each thing under <kind>.<key>. The bucket is created when it is
// kept, if it is missing.
func NewInventory(js jetstream.JetStream, config publish.Config) *View {
	source := things{checkpoint.NewStream(js, config.Names.Stream(schema.Devices), config.Names.Prefix, string(schema.Devices)), config.Names.Prefix + "." + string(schema.Devices) + "."}
	return newView(source, &bucket{js: js, config: config.InventoryBucket()})
}

// Thing is the entry of a change that was stored.
func Thing(c schema.StoredFleetChange, sequence uint64) Entry {
	e := Entry{Key: string(c.Kind) + "." + c.Key, Value: c.Document, Seq: sequence}
	if c.Removed {
		e.Value = nil
	}
	return e
}

// things are those of the fleet's stream, as entries. A thing that has moved to another tenant has two subjects, and the newest message
// counts.
type things struct {
	*checkpoint.Stream
	prefix string // of subjects
}

func (s things) Keys(ctx context.Context) (keys []string, err error) {
	err = s.All(ctx, func(e Entry) error { keys = append(keys, e.Key); return nil })
	return keys, err
}

// All calls each with the newest entry of each subject, oldest first.
func (s things) All(ctx context.Context, each func(Entry) error) error {
	return s.Latest(ctx, func(e checkpoint.StoredEvent, _ uint64) error {
		if entry := s.entry(e); entry.Seq > 0 {
			return each(entry)
		}
		return nil
	})
}

func (s things) Newest(ctx context.Context, key string) (Entry, error) {
	kind, thing, found := strings.Cut(key, ".")
	if !found || strings.Contains(thing, ".") { // nobody's thing has that key
		return Entry{Key: key}, nil
	}
	e, err := s.NewestEvent(ctx, s.prefix+kind+".*."+thing)
	if err != nil || e.Seq == 0 {
		return Entry{Key: key}, err
	}
	return s.entry(e), nil
}

func (s things) At(ctx context.Context, seq uint64) (Entry, error) {
	e, err := s.EventAt(ctx, seq)
	return s.entry(e), err
}

// entry is that of an event; of anything else it has no sequence.
func (s things) entry(e checkpoint.StoredEvent) Entry {
	change, err := schema.ReadFleetChange(e.Subject, e.Header, e.Data)
	if e.Seq == 0 || err != nil {
		return Entry{}
	}
	return Thing(change, e.Seq)
}
