package main

import "saveris-bridge/internal/bridgetest"

// Short names of what nearly every test needs.
var (
	with       = bridgetest.Env
	file       = bridgetest.File
	natsServer = bridgetest.NATSServer
)
