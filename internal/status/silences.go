package status

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/tail"
	"saveris-bridge/internal/words"
)

// Silence is a channel that should have been heard and was not, by the newest event of SAVERIS_HEALTH about it, and that the fleet
// still has. Texts are the vendor's: whoever shows them has to escape them.
type Silence struct {
	Tenant   string     `json:"tenant"` // as a token, like the site
	Site     string     `json:"site"`
	Serial   string     `json:"serial"`
	Channel  string     `json:"channel"`
	Name     string     `json:"name"` // what people call the channel, and its site; empty where that is not known
	SiteName string     `json:"site_name"`
	LastAt   *time.Time `json:"last_at"` // of its last reading; nil where it never had one
	DueAt    time.Time  `json:"due_at"`

	key string // see tail.ChannelKey
}

// followHealth follows which channels are silent.
func (b *Board) followHealth() *tail.Follow {
	return &tail.Follow{
		Stream: b.config.Names.Stream(schema.Health), Filters: []string{b.config.Names.Prefix + "." + string(schema.Health) + ".sensor.>"},
		Begin: func(context.Context, jetstream.Stream, bool) (jetstream.OrderedConsumerConfig, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.silences = map[string]Silence{}
			return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy}, nil
		},
		Each: func(m tail.Message) error {
			s, err := schema.ReadSilence(m.Subject(), m.Headers(), m.Data())
			if err != nil {
				return nil // somebody else's
			}
			if s.Resumed {
				delete(b.silences, m.Subject())
				return nil
			}
			one := Silence{Tenant: s.Tenant, Site: s.Site, Serial: s.Serial, Channel: s.Channel, DueAt: s.DueAt, key: tail.ChannelKey(s.Sensor, s.Channel)}
			var called schema.PlaceNames
			_ = json.Unmarshal([]byte(s.Names), &called) // else it has none
			one.Name, one.SiteName = words.Shortened(called.Label(), longestText), words.Shortened(called.Site, longestText)
			if !s.LastAt.IsZero() {
				one.LastAt = &s.LastAt
			}
			b.silences[m.Subject()] = one
			return nil
		},
	}
}

// saidSilent reports whether an event says that a channel is silent, and it still is to be heard.
func (b *Board) saidSilent(one *sensor) bool {
	if len(b.silences) == 0 {
		return false
	}
	channel := schema.Silence{Tenant: one.tenant.Value(), Site: one.site.Value(), Serial: one.serial, Channel: one.channel}
	said, silent := b.silences[channel.Subject(b.config.Names.Prefix)]
	return silent && b.fleet.expects(said.key)
}

// sumUpSilences lists the channels that are silent, the newest first. What has been removed or switched off while it was silent will
// never be heard again, and is left out.
func sumUpSilences(silences map[string]Silence, there *fleet) []Silence {
	list := []Silence{}
	for _, s := range silences {
		if there.expects(s.key) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(x, y Silence) int {
		return cmp.Or(y.DueAt.Compare(x.DueAt), strings.Compare(x.Serial, y.Serial), strings.Compare(x.Channel, y.Channel), strings.Compare(x.Tenant, y.Tenant))
	})
	return list
}

// shownSilences is how many silent channels are named.
const shownSilences = 10

// silencesText names the channels that are silent.
func (r Report) silencesText() string {
	if len(r.Silent) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nsilent\n")
	for i, s := range r.Silent {
		if i == shownSilences {
			fmt.Fprintf(&b, "  and %d more\n", len(r.Silent)-i)
			break
		}
		last := "never had a reading"
		if s.LastAt != nil {
			last = "last reading " + words.Time(*s.LastAt)
		}
		fmt.Fprintf(&b, "  %s  %s, due at %s\n", whose(s.Name, s.Serial+"/"+s.Channel, s.SiteName), last, words.Time(s.DueAt))
	}
	return b.String()
}
