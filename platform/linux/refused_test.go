// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// TestRefusedAddress checks that an address that the kernel refuses is an error, with its cause, and no obstacle to others.
func TestRefusedAddress(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	disable := func(value string) {
		t.Helper()
		must(t, inside(h.router, func() error {
			return os.WriteFile("/proc/sys/net/ipv6/conf/up0/disable_ipv6", []byte(value), 0)
		}))
	}
	disable("1")
	refused, good := onUp0(t, h, 1, false, netip.MustParsePrefix("2001:db8::100/64")), onUp0(t, h, 2, false, vip4)
	refused.ID.Family = platform.IPv6
	batch := []platform.Attachment{refused, good}
	if errs := h.system.Apply(batch); errs[0] == nil || !strings.Contains(errs[0].Error(), "disable_ipv6") || errs[1] != nil {
		t.Errorf("errors %v", errs)
	}
	disable("0")
	mustApply(t, h.system, batch...)
}

// TestRefusedRemoval checks that what the kernel does not remove at first is an error, and is removed by the next attempt.
func TestRefusedRemoval(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	before := h.Kernel()
	batch := []platform.Attachment{onUp0(t, h, 1, false, vip4), onUp0(t, h, 2, true, netip.MustParsePrefix("10.9.0.102/24"))}
	mustApply(t, h.system, batch...)
	for i := range batch {
		batch[i].Present, batch[i].Active = false, false
	}
	requests := 0
	h.system.change.inject = func(done bool) error {
		if requests++; done || requests <= 2 { // before and after the one that finds the interface
			return nil
		}
		return unix.ENOBUFS
	}
	for i, err := range h.system.Apply(batch) {
		if !errors.Is(err, unix.ENOBUFS) {
			t.Errorf("removed %d: %v", i, err)
		}
	}
	h.system.change.inject = nil
	mustApply(t, h.system, batch...)
	sameKernel(t, "after the second attempt", before, h.Kernel())
}
