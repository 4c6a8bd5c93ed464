// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// TestSourcesNameTheirLicence looks for the SPDX line at the top of every Go file and script.
func TestSourcesNameTheirLicence(t *testing.T) {
	const line = "SPDX-License-Identifier: GPL-3.0-only\n"
	tree, found := os.DirFS("."), 0
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == ".ci" || name == "bin" || name == "dist" || name == ".tools"):
			return fs.SkipDir
		case d.IsDir() || !d.Type().IsRegular():
			return nil
		case strings.HasSuffix(base, ".go"):
			text, err := fs.ReadFile(tree, name)
			if found++; !bytes.HasPrefix(text, []byte("// "+line+"\n")) {
				t.Errorf("%s does not begin with // %s", name, line)
			}
			return err
		default:
			text, err := fs.ReadFile(tree, name)
			if err != nil || !bytes.HasPrefix(text, []byte("#!")) {
				return err
			}
			_, text, _ = bytes.Cut(text, []byte("\n"))
			if found++; !bytes.HasPrefix(text, []byte("# "+line)) {
				t.Errorf("the second line of %s is not # %s", name, line)
			}
			return nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 400 {
		t.Errorf("only %d sources were found", found)
	}
}
