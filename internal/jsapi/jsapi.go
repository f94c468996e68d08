// Package jsapi is the one place that knows how the subjects of the JetStream API begin.
package jsapi

import (
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Subject returns the subject on which JetStream takes a call such as STREAM.NAMES, in a domain or under a prefix too.
func Subject(o jetstream.JetStreamOptions, call string) string {
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API." + call
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "." + call
	}
	return "$JS.API." + call
}
