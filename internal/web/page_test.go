//go:build browser

package web

import (
	"testing"
	"time"

	"saveris-bridge/internal/status"
)

func TestPageIsGoodToLookAt(t *testing.T) {
	now := time.Now().UTC()
	for _, c := range []struct {
		name, scheme string
		size         []int64
		state        func(time.Time) (status.Status, status.Recent)
	}{
		{"desktop-light", "light", nil, calm},
		{"desktop-dark", "dark", nil, calm},
		{"trouble-light", "light", nil, trouble},
		{"trouble-dark", "dark", []int64{1440, 900}, trouble},
		{"phone", "light", []int64{360, 740}, calm},
		{"phone-trouble", "dark", []int64{360, 740}, trouble},
		{"empty", "light", nil, func(time.Time) (status.Status, status.Recent) { return status.Status{At: now}, status.Recent{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, newFake(c.state(now)), c.size...)
			b.scheme(c.scheme)
			b.fits()
			b.shoot(c.name)
			b.innocent()
		})
	}
}
