package service

import (
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"time"

	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// health is what /livez and /readyz answer: whether it is well, what is not, and what is worth a look.
type health struct {
	OK       bool                 `json:"ok"`
	Reasons  []string             `json:"reasons"`  // why it is not well
	Warnings []string             `json:"warnings"` // what will pass, or needs a person, but no other process
	Role     map[string]string    `json:"role"`     // by feed: leading or standing by
	Polled   map[string]time.Time `json:"polled"`   // by feed, when the last poll that this process stored began

	Goroutines int `json:"goroutines"` // grows only if something leaks
}

func (o *operation) newHealth() health {
	h := health{
		Reasons: []string{}, Warnings: []string{}, Role: map[string]string{}, Polled: map[string]time.Time{},
		Goroutines: runtime.NumGoroutine(),
	}
	for _, feed := range o.feeds {
		h.Role[string(feed)] = "standing by"
		if o.leading(feed) {
			h.Role[string(feed)] = "leading"
		}
		if at := o.polled(feed); !at.IsZero() {
			h.Polled[string(feed)] = at.UTC()
		}
	}
	return h
}

// liveness reports whether the process can make progress. Nothing counts but what another start would mend: a vendor or a
// NATS that is away is waited for.
func (o *operation) liveness() health {
	h := o.newHealth()
	h.Reasons = append(h.Reasons, o.watchdog.stuck()...)
	h.OK = len(h.Reasons) == 0
	return h
}

// readiness reports whether the process does its work: the login has worked, NATS is connected, and every feed has been polled
// once, or is another's. Once it was ready, only NATS can undo that: while the vendor is away the page has to be reachable.
func (o *operation) readiness() health {
	h := o.newHealth()
	if !o.ready.Load() {
		h.Reasons = append(h.Reasons, o.unready(h)...)
	}
	if connected, how := o.nats(); !connected {
		h.Reasons = append(h.Reasons, "NATS is not connected: "+how)
	}
	h.Warnings = append(h.Warnings, o.warnings()...)
	if h.OK = len(h.Reasons) == 0; h.OK {
		o.ready.Store(true)
	}
	return h
}

// unready reports what has not happened yet.
func (o *operation) unready(h health) (reasons []string) {
	if !o.vendor.LoggedIn() {
		reasons = append(reasons, noLogin)
	}
	for _, feed := range o.feeds {
		_, polled := h.Polled[string(feed)]
		switch leading := o.leading(feed); {
		case feed == schema.Devices && len(o.feeds) > 1: // rows do not wait for it
		case leading && !polled && o.notes.IsShut(feed): // a warning: nothing here would mend it
		case leading && !polled:
			reason := "no poll of " + string(feed) + " has been stored yet"
			if cause := o.cause(feed); cause != "" && cause != noLogin {
				reason += ": " + cause
			}
			reasons = append(reasons, reason)
		case !leading && !polled && !o.settled():
			reasons = append(reasons, "it is not known yet whether another bridge polls "+string(feed))
		}
	}
	return reasons
}

func (o *operation) warnings() (warnings []string) {
	if err := o.store(); err != nil {
		warnings = append(warnings, natsconn.StoreText(err))
	}
	leads := false
	for _, feed := range o.feeds {
		leads = leads || o.leading(feed)
		if since, stalled := o.watchdog.stalled(feed); stalled {
			warning := string(feed) + " have stalled: no poll has been stored since " + rfc3339(since)
			if cause := o.cause(feed); cause != "" {
				warning += ": " + cause
			}
			warnings = append(warnings, warning)
		} else if since := o.watchdog.overdueSince(feed); o.leading(feed) && !since.IsZero() {
			warnings = append(warnings, string(feed)+" have been waiting for the vendor's export since "+rfc3339(since))
		}
	}
	warnings = append(warnings, o.notes.Texts()...)
	if until := o.vendor.ThrottledUntil(); !until.IsZero() {
		warnings = append(warnings, status.Throttled(until, o.watchdog.now()))
	}
	if end := o.vendor.TokenExpiry(); leads && !end.IsZero() && o.watchdog.now().After(end) { // whoever stands by has no use for one
		warnings = append(warnings, "the token ended at "+rfc3339(end)+", and no login has worked since")
	}
	return warnings
}

const noLogin = "the vendor has not accepted the login yet"

// process is what this bridge knows of itself, for the page.
func (o *operation) process() status.Process {
	h := status.Process{
		Began: o.started, Lost: o.watchdog.disconnectedSince(), Held: o.vendor.ThrottledUntil(), Store: natsconn.StoreText(o.store()), Causes: map[schema.Feed]string{},
	}
	if slices.Contains(o.feeds, schema.Devices) && o.leading(schema.Devices) { // else another bridge has looked since
		h.Looked = o.polled(schema.Devices)
		if since, stalled := o.watchdog.stalled(schema.Devices); stalled {
			h.Missed = since
		}
	}
	for _, feed := range o.feeds {
		h.Causes[feed] = o.cause(feed)
		h.Leads = h.Leads || o.leading(feed)
	}
	return h
}

// cause reports why polls of a feed fail here; nothing where they do not, or another bridge polls.
func (o *operation) cause(feed schema.Feed) string {
	leading := o.leading(feed)
	if err := o.watchdog.failure(feed); leading && err != nil {
		if advice := pipeline.PollHint(err); advice != "" {
			return printable.Public(err) + "; " + printable.Log(advice)
		}
		return printable.Public(err)
	}
	if starting := o.began.Load() == nil; (leading || starting) && !o.vendor.LoggedIn() {
		return noLogin
	}
	return ""
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func answer(w http.ResponseWriter, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !h.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // whoever asked is gone
}
