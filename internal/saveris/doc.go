// Package saveris reads the Testo Saveris Data API, and its Smart Connect variant: it logs in, asks for a window of
// readings or alarms, and hands over every row of it as the vendor wrote it. It judges no row, keeps none, never logs,
// and reports what went wrong in one type of error.
//
//	client, err := saveris.New(saveris.Config{BaseURL: url, Username: name, Password: password})
//	answer, err := client.Rows(ctx, saveris.Query{Feed: saveris.Alarms, From: from, Until: until}, func(r *saveris.Row) error {
//		… // r lives until the function returns
//	})
//
// Prepare and Result.Rows are the two halves of Rows: whoever holds windows in memory waits for room in between, while the
// vendor's files are ready.
//
// # What one call of Rows does
//
// Where the deployment has a synchronous route, one GET. Else an export: submit, poll until it is completed, download
// all its files. An answer is complete or an error; after an error the caller discards what it got. A file that broke
// off is read again from its start, so rows may come more than once, as they may by the vendor's own rules.
//
// A file that is not there yet is waited for. Within one call are repeated: GETs and logins that fail in transport or with
// 5xx (three times), a dead link (by asking
// the export for fresh ones), an export that the vendor has forgotten (once), a token that he does not take (once). A
// submission that may have been heard is not: what to do then is the caller's decision, and so is every other error.
//
//	ErrRefused   login refused                       give up
//	ErrForbidden an ErrRefused of one feed: licence  ask again in an hour
//	ErrRetired   no version of the endpoint is left  ask again rarely
//	ErrTooLarge  query failed, 413, never ready      ask for half the window
//	ErrNotReady  still being prepared                ask for the same window again, which goes on waiting
//	ErrAddress   this is not the API                 check the base URL
//	ErrUntrusted nobody vouches for the certificate  check the base URL, a proxy and this machine's authorities
//	ErrNotUnderstood  answer or file in no shape we know  ask again later: nothing of the window counts as read
//	other        *Error                              ask again later
//
// # Snapshots
//
// What has no time range (tenants, locations, equipment, devices, their status, measuring objects) is read by Snapshot: the
// synchronous GETs, newest version first, then an export. It never takes an answer for empty that it does not understand.
//
// # Waiting
//
// On 429 everything waits as long as it is asked to, without a limit on tries; no running export is lost by it and no
// deadline passes meanwhile. Config.OnThrottle is called. If the context would end before that, the call fails at once
// with the vendor's answer in its error. Polls begin at half of what exports took here lately and grow to 30 s.
//
// # Versions
//
// An endpoint that is gone is replaced by another version of it, and Config.OnNotice is called with that, as of the headers that
// announce such an end. The newest version is tried again every hour. An export is polled where it was submitted.
//
// # Rows
//
// A file is JSON lines, a JSON array, single objects or CSV, packed or not; its first bytes decide (the vendor's headers do
// not). Flat objects are taken apart by hand (scan.go), all others by jsontext (strict.go), and both agree. Numbers keep
// the vendor's digits. What is no row arrives as one with Err and Raw, and the next rows follow; what is longer than
// MaxRow arrives cut. Rows may stand in lists within objects (envelope.go). What is no text, and a file in which not a single
// line is a row of the feed, is ErrNotUnderstood (form.go, feedcolumns.go). Memory is one window of bytes a file (192 KiB), whatever
// comes.
//
// A file that is cut, by its length, its checksum or its brackets, is an error of the decoder (decode.go), which readError makes
// transient: readFile reads the file again from its start, up to moreTries times, and hands its rows over again. If it stays cut,
// Result.Rows ends the export and fails with the *Error, and the next Prepare asks for another export; for one that was adopted, Rows
// does so itself.
//
// # Secrets
//
// The login goes to the host of the base URL and nowhere else: redirects of the API are followed within it, never from https
// to http, and files are loaded over a
// transport that knows no login. Texts of the vendor and of the network are cleaned before they become part of an error.
package saveris
