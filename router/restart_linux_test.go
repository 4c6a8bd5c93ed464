// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"vrrpsh/engine/driver"
	"vrrpsh/platform/native"
	"vrrpsh/platform/program"
)

// TestCheckHandover checks the answer to a running release that asks whether this one can take over, on Linux.
func TestCheckHandover(t *testing.T) {
	first, err := os.ReadFile("../engine/driver/testdata/handover/linux.json")
	if err != nil {
		t.Fatal(err)
	}
	specimen, err := driver.Specimen(native.Left())
	if err != nil {
		t.Fatal(err)
	}
	renamed := bytes.Replace(specimen, []byte(`"Macvlan":1`), []byte(`"Index":1`), 1)
	for name, c := range map[string]struct {
		document []byte
		want     string // in the error; "": it can
	}{
		"the first release": {first, ""},
		"this release":      {specimen, ""},
		"one with another name for state left in Linux": {renamed, `unknown field "Index"`},
		"something else": {[]byte("hello"), "hand-over: "},
		"nothing":        {nil, "hand-over: "},
	} {
		err := CheckHandover(bytes.NewReader(c.document))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if bytes.Equal(specimen, renamed) {
		t.Error("nothing was renamed")
	}
}

// TestProgramsDoNotEndChecks: the installed program, whatever the name of its file, is asked while programs of the configuration end.
func TestProgramsDoNotEndChecks(t *testing.T) {
	command, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	ends := program.Program{Command: []string{command}, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	var programs sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	programs.Go(func() {
		for ctx.Err() == nil {
			_, _ = program.Run(t.Context(), ends)
		}
	})
	defer programs.Wait()
	defer cancel()
	for range 5 {
		if what, err := said(t.Context(), exec.Command("sh", "-c", "sleep 0.1; echo 1.3")); what != "1.3" || err != nil {
			t.Fatalf("%q, %v", what, err)
		}
	}
}
