// Command bridge reads the Testo Saveris Data API and publishes every row as a CloudEvent on NATS JetStream, exactly once.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(execute(ctx, os.Args[1:], streams{env: os.LookupEnv, environ: os.Environ, out: os.Stdout, err: os.Stderr}))
}
