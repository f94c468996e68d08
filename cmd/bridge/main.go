// Command bridge reads the Testo Saveris Data API and publishes every row as a CloudEvent on NATS JetStream, exactly once.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

func main() {
	start(streams{env: os.LookupEnv, environ: os.Environ, out: os.Stdout, err: os.Stderr})
}

// start is what the process does, and ends it.
func start(std streams) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx := untilSignal(context.Background())
	os.Exit(execute(ctx, os.Args[1:], std))
}

// gcPercent is less than half of Go's default: a window that is being stored lives for seconds, and the collector would let
// as much garbage lie beside it.
const gcPercent = 40

// signalGrace is how long further signals are ignored after the first: terminals, shells and supervisors often send it
// twice, and the batch in hand is to be finished.
var signalGrace = time.Second

// untilSignal returns a context that ends at SIGINT or SIGTERM. Once signalGrace is over, another signal ends the process at
// once.
func untilSignal(parent context.Context) context.Context {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		time.AfterFunc(signalGrace, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })
	}()
	return ctx
}
