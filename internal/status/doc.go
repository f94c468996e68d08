// Package status shows how the bridge stands, from what is stored: the bucket of checkpoints, the bucket of backfills and
// the newest events of the streams. It needs no bridge in its process, so that a terminal, the page and the metrics of every
// replica agree.
package status
