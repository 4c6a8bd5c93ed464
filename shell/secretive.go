package shell

import (
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
)

// secretive matches lines that give a secret or a password, words abbreviated or not, and
// those that configure authentication, where the word "secret" may be one letter. It need not understand the line.
var secretive = regexp.MustCompile(`(?i)(?:\s(?:se|sec|secr|secre|secret|pa|pas|pass|passw|passwo|passwor|password|passwd)\s+|(?:^|\s)au\w*\s+\S+\s+)(\S.*)`)

// SecretIn returns where in a line a secret may begin; false if there is none.
func SecretIn(line string) (offset int, ok bool) {
	at := secretive.FindStringSubmatchIndex(line)
	if at == nil {
		return 0, false
	}
	return at[2], true
}

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
