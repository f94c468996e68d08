package publish_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
)

// altered returns the URL of a way to a server on which texts are replaced by others of the same length.
func altered(t *testing.T, url string, pairs ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	pass := func(to io.WriteCloser, from io.Reader) {
		defer to.Close()
		buffer := make([]byte, 1<<20)
		for {
			n, err := from.Read(buffer)
			chunk := buffer[:n]
			for i := 0; i < len(pairs); i += 2 {
				chunk = bytes.ReplaceAll(chunk, []byte(pairs[i]), []byte(pairs[i+1]))
			}
			if _, writeErr := to.Write(chunk); err != nil || writeErr != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			broker, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
			if err != nil {
				client.Close()
				continue
			}
			go pass(broker, client)
			go pass(client, broker)
		}
	}()
	return "nats://" + l.Addr().String()
}

// TestTheVersionThatCountsIsThatOfTheServerThatHoldsTheStream plays servers of older versions by what they say and do not know.
func TestTheVersionThatCountsIsThatOfTheServerThatHoldsTheStream(t *testing.T) {
	t.Parallel()
	now := `"` + server.VERSION + `"`
	old := `"2.12.0` + strings.Repeat("-", len(now)-len(`"2.12.0"`)) + `"`
	for name, c := range map[string]struct {
		pairs []string
		want  string // "" = it serves
	}{
		"the client is at an older one":              {[]string{`"version":` + now, `"version":` + old}, ""},
		"the stream is on an older one":              {[]string{`"_nats.ver":` + now, `"_nats.ver":` + old}, "version 2.12.0"},
		"JetStream is on one without atomic batches": {[]string{fmt.Sprintf(`"level":%d`, server.JSApiLevel), `"level":1`}, "API level 1"},
		"the stream is made without allow_atomic":    {[]string{`"allow_atomic":true`, `"allow_atomic":null`}, "allow_atomic"},
	} {
		t.Run(name, func(t *testing.T) {
			js, err := jetstream.New(connect(t, altered(t, bridgetest.Embedded(t).ClientURL(), c.pairs...)))
			if err != nil {
				t.Fatal(err)
			}
			err = publish.Open(t.Context(), js, config)
			if c.want == "" && err != nil {
				t.Error(err)
			}
			if c.want != "" && (!errors.Is(err, publish.ErrUnfit) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAnAccountWithTooFewConsumersIsRefused(t *testing.T) {
	t.Parallel()
	js := startAccount(t, "max_mem: 64MB, max_file: 2GB, max_consumers: 3")
	if err := publish.Open(t.Context(), js, config); !errors.Is(err, publish.ErrUnfit) || !strings.Contains(err.Error(), "max_consumers") {
		t.Errorf("got %v", err)
	}
	if _, err := js.Stream(t.Context(), stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the stream was made: %v", err)
	}
}
