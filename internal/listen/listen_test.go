package listen

import (
	"strings"
	"testing"
)

func TestAnAddressThatOthersReachIsExposed(t *testing.T) {
	for listen, want := range map[string]bool{
		":4222": true, "0.0.0.0:4222": true, "[::]:4222": true, "10.0.0.1:1": true, "bridge.example:1": true, "127.0.0.1:1": false, "127.9.9.9:1": false, "[::1]:1": false, "localhost:1": false,
	} {
		if Exposed(listen) != want {
			t.Errorf("%s: %v", listen, !want)
		}
	}
}

func TestAnAddressThatCannotBeListenedOnNamesItsSetting(t *testing.T) {
	l, err := On("NAME", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	taken := Try("NAME", addr)
	if taken == nil || !taken.Taken() || !strings.HasPrefix(taken.Error(), `NAME is "`+addr+`": it cannot be listened on: `) || !Reachable(addr) {
		t.Errorf("somebody listens there: %v", taken)
	}
	if err := Try("NAME", "192.0.2.1:4222"); err == nil || err.Taken() {
		t.Errorf("no address of this machine: %v", err)
	}
}
