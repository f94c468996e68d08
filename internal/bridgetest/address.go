package bridgetest

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// Ports below those that systems give to whoever asks for any.
const (
	firstPort = 20000
	ports     = 12000
)

var addresses atomic.Int64

// Address returns an address of the loopback on which nobody listens. It is given to no other test of this process, and to nobody who asks
// for any: whoever is told of it can listen there later, and again and again. Processes begin far from each other.
func Address(t testing.TB) string {
	t.Helper()
	for range ports {
		n := int64(os.Getpid())*100 + addresses.Add(1)
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+n%ports)
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close() // of a listener that nobody has used
			return address
		}
	}
	t.Fatal("every port is taken")
	return ""
}
