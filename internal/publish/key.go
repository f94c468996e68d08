package publish

import (
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
)

// KeySubject is where the value of a bucket's key is published. In a domain or under a prefix it is a call of JetStream's, as the
// client library has it: leaf nodes keep $KV for themselves.
func KeySubject(js jetstream.JetStream, bucket, key string) string {
	stored := "$KV." + bucket + "." + key
	o := js.Options()
	if o.Domain == "" && (o.APIPrefix == "" || o.APIPrefix == jetstream.DefaultAPIPrefix) {
		return stored
	}
	return jsapi.Subject(o, stored)
}
