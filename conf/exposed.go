// SPDX-License-Identifier: GPL-3.0-only

package conf

import "io/fs"

// othersRead is the permission of every user to read a file.
const othersRead fs.FileMode = 0o004

// exposed returns warnings for a file with secrets that every user can read.
func exposed(d Disk, path string, f *File) []string {
	if path == "" || !hasSecret(f) {
		return nil
	}
	if info, err := d.Stat(path); err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&othersRead == 0 {
		return nil
	}
	return []string{"the file contains secrets, and every user of this host can read it: chmod o-r " + path}
}

// hasSecret reports whether a table, or one below it, has a key whose value must not be shown.
func hasSecret(t *Table) (found bool) {
	t.each(func(k *Key, value any) {
		switch value := value.(type) {
		case *Table:
			found = found || hasSecret(value)
		case []*Table:
			for _, element := range value {
				found = found || hasSecret(element)
			}
		default:
			found = found || k.hidden()
		}
	})
	return found
}
