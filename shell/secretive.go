// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// SecretIn returns the offset of a secret in a line, or of a possible secret if the line does not parse. It returns
// false if the line has no secret.
func SecretIn(line string) (offset int, ok bool) { return demoTree().SecretIn(line) }

// discreet replaces everything in a line that may be secret with stars, keeping the width.
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
