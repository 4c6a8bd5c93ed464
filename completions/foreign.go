// SPDX-License-Identifier: GPL-3.0-only

package completions

import "strings"

// foreign maps words of other network operating systems to the way to do the same here.
var foreign = []struct{ word, hint string }{
	{"write", "\"commit\" writes the configuration file"},
	{"copy", "\"commit\" writes the configuration file, \"save FILE\" in configure mode another one"},
	{"set", "a setting is typed without \"set\", in configure mode"},
	{"delete", "\"no\" and the setting, in configure mode, removes it"},
	{"edit", "\"interface NAME\" and \"vrrp N\", in configure mode, go down, \"exit\" and \"top\" go up"},
	{"abort", "\"discard\" and \"end\" leave configure mode without a change"},
	{"enable", "every user has a level: \"show sessions\" shows yours"},
	{"disable", "every user has a level: \"show sessions\" shows yours"},
	{"reload", "\"restart\" replaces this process with the installed release"},
	{"request", "\"restart\" replaces this process with the installed release, \"vrrp resign\" gives up Master"},
	{"help", "\"?\" at any place of a line lists what can follow"},
	{"show standby", "\"show vrrp\" is the same here"},
	{"show system", "\"show history commits\", \"show commit\" and \"show resources\" show the state of the system"},
	{"show rollback", "\"show configuration revision N\" shows one"},
	{"show archive", "\"show history commits\" lists past configurations"},
	{"show users", "\"show sessions\" lists them"},
	{"show processes", "\"show resources\" shows memory and processor time"},
}

// abroad returns the hint for a line that begins with words of another system, abbreviated to at least two
// letters.
func abroad(tokens []token) string {
	if len(tokens) == 0 || len(tokens[0].text) < 2 {
		return ""
	}
	for _, f := range foreign {
		matches := true
		for i, w := range strings.Fields(f.word) {
			matches = matches && i < len(tokens) && len(tokens[i].text) >= 2 && strings.HasPrefix(w, strings.ToLower(tokens[i].text))
		}
		if matches {
			return f.hint
		}
	}
	return ""
}
