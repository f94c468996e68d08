package publish

import (
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// KeySubject is where the value of a bucket's key is published. In a domain or under a prefix it is a call of JetStream's, as the
// client library has it: leaf nodes keep $KV for themselves.
func KeySubject(js jetstream.JetStream, bucket, key string) string {
	stored := "$KV." + bucket + "." + key
	switch o := js.Options(); {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API." + stored
	case o.APIPrefix != "" && o.APIPrefix != jetstream.DefaultAPIPrefix:
		return strings.TrimSuffix(o.APIPrefix, ".") + "." + stored
	}
	return stored
}
