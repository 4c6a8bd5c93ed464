//go:build linux

package linux

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRecordedRunState holds that a run-state file that a release has written is understood in full.
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

// TestRecordedLeft holds that what a release has left is understood in full.
func TestRecordedLeft(t *testing.T) {
	recorded, err := os.ReadFile("testdata/left.json")
	must(t, err)
	d := json.NewDecoder(bytes.NewReader(recorded))
	d.DisallowUnknownFields()
	var l left
	must(t, d.Decode(&l))
	again, err := json.Marshal(l)
	must(t, err)
	if diff := cmp.Diff(string(recorded), string(again)+"\n"); diff != "" {
		t.Errorf("what was left (-recorded +understood):\n%s", diff)
	}
}
