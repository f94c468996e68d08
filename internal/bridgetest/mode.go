package bridgetest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
)

// attributesOf takes an event apart that is in one of the content modes, and in no other form than the contract's.
func attributesOf(header nats.Header, body []byte) (attributes map[string]string, data []byte, err error) {
	attributes = map[string]string{}
	for key, values := range header {
		name, ours := strings.CutPrefix(key, "ce-")
		if !ours {
			continue
		}
		if len(values) != 1 {
			return nil, nil, fmt.Errorf("header %s stands there %d times", key, len(values))
		}
		if attributes[name], err = url.PathUnescape(values[0]); err != nil {
			return nil, nil, err
		}
	}
	switch mode := header["content-type"]; {
	case mode == nil:
		return attributes, body, nil
	case len(attributes) > 0 || len(mode) != 1 || mode[0] != "application/cloudevents+json":
		return nil, nil, fmt.Errorf("content-type %q beside %d attributes in headers", mode, len(attributes))
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, nil, err
	}
	data = members["data"]
	delete(members, "data")
	for name, value := range members {
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return nil, nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		attributes[name] = text
	}
	if _, there := attributes["data_base64"]; there {
		return nil, nil, fmt.Errorf("data_base64 in %.200s", body)
	}
	return attributes, data, nil
}
