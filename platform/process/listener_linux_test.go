// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestListeners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path) // the connection is no listener
	if err != nil {
		t.Fatal(err)
	}
	got, err := Listeners(os.Getpid())
	if err != nil || !slices.Equal(got, []string{path}) {
		t.Errorf("%q, %v; want %q", got, err, path)
	}
	_ = c.Close()
	_ = l.Close()
	if got, err := Listeners(os.Getpid()); err != nil || len(got) > 0 {
		t.Errorf("after the end of the listener: %q, %v", got, err)
	}
}
