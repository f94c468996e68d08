package main

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
)

// storedByBoth is what the log of a run has once both feeds have stored a window.
func storedByBoth() []string {
	return []string{`"feed":"readings","reason":`, `"feed":"alarms","reason":`}
}

// streamsOf is the outside world of a command with nothing but env in its environment.
func streamsOf(env []string, out, err io.Writer) streams {
	return streams{
		env: func(name string) (string, bool) {
			for _, one := range env {
				if value, found := strings.CutPrefix(one, name+"="); found {
					return value, true
				}
			}
			return "", false
		},
		environ: func() []string { return env }, out: out, err: err, firstPoll: quickPoll,
	}
}

// awaited is a log that calls end once it holds all that was missing.
type awaited struct {
	noise
	mu      sync.Mutex
	missing []string
	end     func()
}

func (a *awaited) Write(line []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.missing = slices.DeleteFunc(a.missing, func(text string) bool { return bytes.Contains(line, []byte(text)) })
	if len(a.missing) == 0 {
		a.end()
	}
	return a.noise.Write(line)
}
