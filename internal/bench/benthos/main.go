// Command benthos is Benthos with what the benchmark's configuration needs: the contender that people would reach for. It
// is a module of its own, so that none of its dependencies is one of the bridge's.
package main

import (
	"context"

	"github.com/benthosdev/benthos/v4/public/service"

	_ "github.com/benthosdev/benthos/v4/public/components/io"
	_ "github.com/benthosdev/benthos/v4/public/components/nats"
	_ "github.com/benthosdev/benthos/v4/public/components/pure"
)

func main() { service.RunCLI(context.Background()) }
