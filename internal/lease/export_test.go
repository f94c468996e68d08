package lease

import "time"

// Shorten has leases renewed, and given up where nobody answers, as if they lived for d.
func (l *Leases) Shorten(d time.Duration) *Leases {
	l.life = d
	return l
}

// Impatient has the lease of another that nobody renews be waited for no longer than d.
func (l *Leases) Impatient(d time.Duration) *Leases {
	l.stale = d
	return l
}
