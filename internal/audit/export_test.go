package audit

import "context"

// ReadAhead reads the events of a day that nobody takes over.
func ReadAhead(ctx context.Context, config Config, day string) error {
	a := &auditor{config: config}
	f := a.fetch(ctx, day)
	a.readers.Wait()
	return f.err
}

// Ahead is how many events a day has at most that is read ahead.
const Ahead = ahead
