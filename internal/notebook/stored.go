package notebook

import (
	"context"
	"encoding/json"
	"time"

	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/status"
)

func (v *Notes) put(key string, n status.Note) {
	n.Since = time.Now().UTC().Truncate(time.Second)
	v.change(key, func() { v.notes[key] = n })
}

func (v *Notes) drop(key string) { v.change(key, func() { delete(v.notes, key) }) }

// forget removes what a bridge before this one has said, and nothing of this one.
func (v *Notes) forget(key string) { v.change(key, func() {}) }

func (v *Notes) change(key string, change func()) {
	v.mu.Lock()
	change()
	v.unwritten[key] = true
	v.mu.Unlock()
	select {
	case v.news <- struct{}{}:
	default:
	}
}

// Notes that could not be stored are tried again after noteRetry, and all are stored again after noteRefresh: the bucket forgets them,
// and others remove them.
const (
	noteRetry   = time.Minute
	noteRefresh = 5 * time.Minute
)

// Run stores what changes, until ctx ends or the vendor refuses every feed, whose error it returns then.
func (v *Notes) Run(ctx context.Context) error {
	retry := time.NewTicker(noteRetry)
	defer retry.Stop()
	for stored := time.Now(); ; {
		v.save(ctx, time.Since(stored) > noteRefresh)
		if time.Since(stored) > noteRefresh {
			stored = time.Now()
		}
		select {
		case <-v.news:
		case <-retry.C:
		case err := <-v.refused:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// save stores the notes that have changed, or all.
func (v *Notes) save(ctx context.Context, all bool) {
	if v.Store == nil {
		return
	}
	v.mu.Lock()
	if all {
		for key := range v.notes {
			v.unwritten[key] = true
		}
	}
	var keys []string
	for key := range v.unwritten {
		keys = append(keys, key)
	}
	v.mu.Unlock()
	for _, key := range keys {
		v.mu.Lock()
		note, there := v.notes[key]
		wanted := v.unwritten[key] // a feed may have ended meanwhile
		delete(v.unwritten, key)
		v.mu.Unlock()
		if !wanted {
			continue
		}
		if err := v.write(ctx, key, note, there); err != nil {
			v.mu.Lock()
			v.unwritten[key] = true
			v.mu.Unlock()
		}
	}
}

func (v *Notes) write(ctx context.Context, key string, note status.Note, there bool) error {
	ctx, cancel := context.WithTimeout(ctx, natsconn.AnswerWait)
	defer cancel()
	key = status.NotePrefix + key
	if !there {
		if stored, err := v.Store.Find(ctx, key); err != nil || stored == "" {
			return err
		}
		return v.Store.Drop(ctx, key)
	}
	text, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return v.Store.Keep(ctx, key, string(text))
}
