// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"os"
	"testing"
)

const referenceFile = "../docs/commands.md"

// TestReference checks that the reference of the commands is up to date; -update writes it.
func TestReference(t *testing.T) {
	var b bytes.Buffer
	if err := WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(referenceFile, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is out of date: go test ./shell -run Reference -update", referenceFile)
	}
}
