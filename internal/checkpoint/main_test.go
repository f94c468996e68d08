package checkpoint_test

import (
	"testing"

	"saveris-bridge/internal/bridgetest"
)

func TestMain(m *testing.M) { bridgetest.Main(m) }
