// SPDX-License-Identifier: GPL-3.0-only

// Package recorded is for tests that hold that a release does what the releases before it have done.
package recorded

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"testing"
)

var record = flag.Bool("record", false, "record what new files in testdata mean")

// Content returns what a file has recorded. With -record a missing file records got. What was recorded is what a release has done, and
// stays.
func Content[T string | []byte](t testing.TB, path string, got T) T {
	t.Helper()
	b, err := os.ReadFile(path)
	if *record && errors.Is(err, fs.ErrNotExist) {
		b = []byte(got)
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return T(b)
}
