// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRecordedRunState checks that a run-state file written by a release is understood completely.
func TestRecordedRunState(t *testing.T) {
	file, err := os.ReadFile("testdata/run-state.json")
	must(t, err)
	var of struct{ Origin origin }
	must(t, json.Unmarshal(file, &of))
	of.Origin.initial = true
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "run-state.json"), file, 0o600))
	f, err := openStateFile(dir, of.Origin, nil)
	must(t, err)
	defer f.close()
	state, err := f.load()
	must(t, err)
	must(t, f.save(&state))
	again, err := os.ReadFile(filepath.Join(dir, "run-state.json"))
	must(t, err)
	if diff := cmp.Diff(string(file), string(again)); diff != "" {
		t.Errorf("the run state (-recorded +understood):\n%s", diff)
	}
}

// TestRecordedLeft checks that the state left by a release is understood completely.
func TestRecordedLeft(t *testing.T) {
	recorded, err := os.ReadFile("testdata/left.json")
	must(t, err)
	d := json.NewDecoder(bytes.NewReader(recorded))
	d.DisallowUnknownFields()
	var l left
	must(t, d.Decode(&l))
	m := slices.IndexFunc(l.Entries, func(e leftEntry) bool { return e.Want.Name == "standby52" })
	v := slices.IndexFunc(l.Entries, func(e leftEntry) bool { return e.OwnMAC != nil })
	if len(l.Entries) != 9 || len(l.Settings) != 8 || len(l.Routes) != 1 || m < 0 || v < 0 {
		t.Fatalf("left are %d virtual routers, %d settings, %d routes: %+v", len(l.Entries), len(l.Settings), len(l.Routes), l)
	}
	if e := l.Entries[m]; !e.Want.Macvlan || e.Macvlan == 0 || !e.Up || len(e.Installed) != 1 || e.Want.ID.VRID != 52 || !e.Want.Active {
		t.Errorf("the macvlan is %+v", e)
	}
	if e := l.Entries[v]; !e.Want.SetMAC || e.Want.MAC != [6]byte{0, 0, 0x5e, 0, 1, 57} || *e.OwnMAC != [6]byte{0x22, 0x2a, 0x2a, 0x0b, 0x7b, 0x1a} {
		t.Errorf("the interface with the virtual MAC is %+v", e)
	}
}
