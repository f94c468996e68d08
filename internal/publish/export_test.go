package publish

import "time"

// Backdate has the day of a torn batch be unreadable for longer.
func (w *Writer) Backdate(d time.Duration) { w.tornSince = w.tornSince.Add(-d) }
