package tail

import "time"

// raisedAlarms are the alarms that were printed when they were raised, and when that was: a warning and an alarm of one channel
// are two alarms of the vendor's, and one thing to look at.
type raisedAlarms map[band]time.Time

// band is one severity of a channel's condition.
type band struct{ site, serial, quantity, condition, severity string }

// mostRaised is how many are remembered. Then it begins anew: the end of an alarm may be filtered out.
const mostRaised = 10_000

// beside takes an alarm over and returns a note on the other one of its channel that has been raised before and not ended; empty
// where there is none.
func (r raisedAlarms) beside(e Event) string {
	other := map[string]string{"alarm": "warning", "warning": "alarm"}[e.Severity]
	own := band{e.Site, e.Sensor.Serial, e.Quantity, e.Condition, e.Severity}
	if len(r) >= mostRaised {
		clear(r)
	}
	switch {
	case e.Ends:
		delete(r, own)
	case e.State == "raised":
		r[own] = e.Raised
	}
	own.severity = other
	since, open := r[own]
	if other == "" || !open || since.After(e.Raised) { // what is read in another order than it happened
		return ""
	}
	return " (" + other + " since " + moment(since, e.Raised) + ")"
}
