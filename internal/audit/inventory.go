package audit

import (
	"time"

	"saveris-bridge/internal/checkpoint"
)

// Key names a channel: the serial number of its sensor and its number there, as a literal.
type Key struct{ Serial, No string }

// Inventory is what is known of the fleet. It serves one goroutine.
type Inventory interface {
	// Channels returns the channels that were active at some time of a span, in any order, each once.
	Channels(span checkpoint.Span) []Channel
	// InForce returns what was in force for a channel at a time, its limits in a unit (a UCUM code). It is asked once for each
	// reading and each slot.
	InForce(key Key, at time.Time, unit string) InForce
}

// Channel is one that should have readings. Empty texts are not known.
type Channel struct {
	Key
	Tenant, Site, Quantity, Unit string
	Names                        *Names
	From, Until                  time.Time // when it was active, half-open; zero = before, or still
}

// Names are for people; empty ones are not known.
type Names struct{ Tenant, Site, Device, Sensor, Equipment, Part, Area string }

// InForce is what was in force at a time. The zero value is that nothing is known.
type InForce struct {
	Cycle  time.Duration // 0 = not known
	Limits *Limits       // nil = none
}

// Limits are those of a channel; nil = there is none.
type Limits struct{ LowerAlarm, LowerWarning, UpperWarning, UpperAlarm *float64 }

func outside(value float64, lower, upper *float64) bool {
	return lower != nil && value < *lower || upper != nil && value > *upper
}

// Unknown is the inventory of which nothing is known.
type Unknown struct{}

// Channels returns none.
func (Unknown) Channels(checkpoint.Span) []Channel { return nil }

// InForce returns nothing.
func (Unknown) InForce(Key, time.Time, string) InForce { return InForce{} }
