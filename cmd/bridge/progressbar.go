package main

import (
	"fmt"
	"io"
	"sync"

	"github.com/schollz/progressbar/v3"

	"saveris-bridge/internal/backfill"
	"saveris-bridge/internal/schema"
)

// bar is a progress bar on a terminal. Many goroutines may use it.
type bar struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

func newBar(out io.Writer) *bar {
	return &bar{bar: progressbar.NewOptions(1000, progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(24),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionUseANSICodes(true))}
}

func (b *bar) Show(state schema.Backfill) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar.Describe(fmt.Sprintf("%d rows, %.0f rows/s, ETA %s", state.Rows, state.RowsPerS, backfill.ETA(state)))
	_ = b.bar.Set(min(999, int(1000*state.Covered))) // 1000 would end it
}

func (b *bar) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.bar.Clear()
}

// besideBar writes lines that stand above a bar.
type besideBar struct {
	bar *bar
	out io.Writer
}

func (w *besideBar) Write(line []byte) (int, error) {
	w.bar.Clear()
	return w.out.Write(line)
}
