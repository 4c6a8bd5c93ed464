// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package e2e

import (
	"os"
	"testing"
)

func TestEndToEnd(t *testing.T) {
	const why = "the end-to-end tests need Linux network namespaces"
	if os.Getenv("VRRPSH_E2E") == "require" {
		t.Fatal("required, but cannot run: " + why)
	}
	t.Skip(why)
}
