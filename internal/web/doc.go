// Package web is the page at /: how the bridge stands, on one embedded page without framework, build step or outside
// resource, kept alive by server-sent events.
//
//	GET /             the page; its files are under /page/
//	GET /status.json  the verdict and the whole picture, for scripts
//	GET /events       the picture as text/event-stream, for the page: at once, then at every change
//	GET /audit?days=N the completeness report of the last days for auditors, one page to print: one at a time, and not of too much
//
// # What is sent
//
// An event's data is an object of parts (feeds, days, sensors, …) and the moment of sending, by the server's clock, from
// which the page reckons ages. The first event of a stream has every part, later ones those that have changed. The verdict is
// one of them; time alone may change it, so it is looked at every second. Between two events lies a second at least; every 15 seconds without one there is a beat, which is a comment for whatever stands between
// and an event, because a page cannot see comments and could not tell a quiet stream from a dead one. ?q= picks sensors
// and alarms, ?order=newest puts the sensors that spoke last first, ?year= picks the days of a calendar year instead of the last 53 weeks.
//
// However much is stored, a page is sent a bounded part of it: at most 200 channels of 48 points, 100 alarms, ten
// rejected rows for each of five reasons (scripts 50), and texts of 120 characters. At most 100 streams are open at a time, further ones are refused with 503. A reader who
// takes nothing for ten seconds is let go; nobody waits for him.
//
// # Who may see it
//
// Everybody who reaches the address: there is no login, and nothing but GET and HEAD. No answer has CORS headers, so scripts
// of other origins cannot read it, and browsers are refused the data where they say that another site asks. A name that is
// pointed at this address after its page was loaded (DNS rebinding) is the same origin to a browser; who must keep such pages
// from reading the status puts an authenticating proxy in front, or lets nobody but the monitoring reach the port.
//
// Text of the vendor gets into the page as text only: no script of the page builds HTML from strings, and the
// Content-Security-Policy forbids it (trusted types), inline scripts, and everything from elsewhere.
package web
