package main

import (
	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
)

// Short names of what nearly every test needs.
var (
	with       = bridgetest.Env
	file       = bridgetest.File
	natsServer = bridgetest.NATSServer
	event      = seed.Event
	measured   = seed.Reading
	hour       = seed.FirstHour
	put        = seed.Store
	show       = seed.Show
)
