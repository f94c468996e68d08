// Package torture breaks everything around a running bridge and lets the audit say what is left of its promise. All of it
// is real: the bridge and every nats-server are processes of their own, killed by signals; between them lies a TCP link
// that is cut, slowed down and deafened; the pretend vendor alone lives in the test, because it knows what is true.
//
//	go test -tags torture -v -timeout 0 ./internal/torture            # the short form, three minutes when nothing else runs
//	TORTURE=30m go test -tags torture -v -timeout 0 ./internal/torture # every nemesis, round after round
//	TORTURE_SEED=7 TORTURE_ONLY=zombie go test -tags torture …         # one nemesis, one plan again
//
// A round has a vendor, a broker of one or three nodes, one to three bridges and a nemesis that works for some seconds by
// a plan drawn from the seed. The bridges write in both content modes by turns, the first one in structured mode if the seed is
// even. Then everything is healed, what has been measured until then is read for the last time, the fleet is seen as it is, the
// bridges are stopped, and all streams are held against the vendor's own list: rows, what changed in the fleet, who was silent. The
// buckets are held against the streams. Zero in every column is the only pass. A plain subscriber and durable consumers listen all the
// time, and what they saw is held against the streams.
//
// The world changes while all this goes on: loggers are cut off, devices are renamed, moved, replaced and retired.
//
// TestEveryNemesisSeesABrokenBridge builds bridges from sources with one line broken and expects each round to fail.
package torture
