//go:build linux

package linux

import (
	"testing"

	"vrrpsh/platform/platformtest"
)

func TestScenarios(t *testing.T) {
	needRoot(t)
	platformtest.Run(t, func(t *testing.T) platformtest.Harness { return newHarness(t) })
}
