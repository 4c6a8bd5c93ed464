// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"os"
	"path/filepath"
	"testing"
)

// recordedState creates a machine in the state that testdata/left.json and testdata/run-state.json describe.
func recordedState(t *testing.T) bench {
	b := newBench(t)
	a := b.attachment(1, vip, primary)
	a.SetMAC = true
	b.apply(a, b.attachment(2, vip2))
	return b
}

// TestRecordedLeft checks that the state left by a release is adopted, and removed at the end.
func TestRecordedLeft(t *testing.T) {
	left, err := os.ReadFile("testdata/left.json")
	if err != nil {
		t.Fatal(err)
	}
	b := recordedState(t)
	changes := b.machine.calls
	if _, err := b.system.Leave(); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	if err := b.system.Adopt(left); err != nil {
		t.Fatal(err)
	}
	b.has("adopted", "em0", "10.9.0.1/24", "10.9.0.253/32", "10.9.0.254/32")
	if n := b.machine.calls - changes; n > 0 {
		t.Errorf("%d changes of the kernel", n)
	}
	if err := b.system.Close(); err != nil {
		t.Fatal(err)
	}
	b.wantOwn("after close")
}

// TestRecordedRunState checks that the next start removes everything in a release's run-state file.
func TestRecordedRunState(t *testing.T) {
	state, err := os.ReadFile("testdata/run-state.json")
	if err != nil {
		t.Fatal(err)
	}
	b := recordedState(t)
	b.Crash()
	if err := os.WriteFile(filepath.Join(b.stateDir, "run-state.json"), state, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.system.Recover(); err != nil {
		t.Fatal(err)
	}
	b.wantOwn("after recovery")
}

// wantOwn checks that the interface has only its own MAC and addresses.
func (b bench) wantOwn(when string) {
	b.t.Helper()
	b.has(when, "em0", "10.9.0.1/24")
	if got := b.mac("em0"); got[0] == 0 {
		b.t.Errorf("%s: the interface has the address %x", when, got)
	}
}
