package service

import "time"

// Timings are how long a service waits for what, and how often it looks.
type Timings struct {
	FirstContact time.Duration // for the vendor to say who he is, at a start; what he answers later, the feeds hear
	Login        time.Duration // for a line to log in, before a login is tried for its own sake
	TakeOver     time.Duration // for the lease of a bridge that has died: whoever still stands by then does so for one that lives
	Watchdog     time.Duration // between two looks of the watchdog
	Foreign      time.Duration // between two looks for somebody else's messages, at least
	FirstNames   time.Duration // for the fleet to be known, before the first rows of the very first start are read
	Licence      time.Duration // between two tries at what the vendor refuses
	Wanted       time.Duration // between two looks at the fleet, at least, where events name what it lacks

	ShutdownTimeout time.Duration // for answers that are under way when the HTTP server ends
	ReadHeader      time.Duration // for the header of a request
	Answer          time.Duration // for a request, and for an answer; server-sent events set the deadlines of their own writing
	Idle            time.Duration // for the next request on a connection
}

// DefaultTimings are those of a service that is at work.
//
// TakeOver is the ten seconds of a lease, and a little. Login is time enough for lines that poll to have tried; a bridge that stands by
// asks the vendor nothing else.
var DefaultTimings = Timings{
	FirstContact: 30 * time.Second, Login: 30 * time.Second, TakeOver: 12 * time.Second, Watchdog: time.Second, Foreign: 10 * time.Second,
	Wanted: time.Minute, FirstNames: 10 * time.Second, Licence: time.Hour,
	ShutdownTimeout: 2 * time.Second, ReadHeader: 10 * time.Second, Answer: 30 * time.Second, Idle: time.Minute,
}
