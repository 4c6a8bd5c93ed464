// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// SecretIn returns where a line gives a secret, or where one may begin if it is not understood; false if it has none.
func SecretIn(line string) (offset int, ok bool) { return demoTree().SecretIn(line) }

// discreet returns a line as wide as before with stars instead of what may be secret.
func discreet(line string) string {
	at, ok := SecretIn(line)
	if !ok {
		return line
	}
	var b strings.Builder
	b.WriteString(line[:at])
	for _, r := range line[at:] {
		if r == ' ' || r == '\t' {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Repeat("*", runewidth.RuneWidth(r)))
		}
	}
	return b.String()
}
