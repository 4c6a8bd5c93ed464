// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"slices"
	"strings"
)

// typed is a line that a user typed, or pasted, instead of an answer.
type typed struct {
	question string // its last line
	line     string
}

// choose asks a question that has words as its answers, and returns the word. An empty line is the last word. Everything else is no
// answer, so that a pasted line is neither lost nor an answer by accident: choose returns "", and the line runs as the next command. choose
// also returns "" if the user cannot be asked now.
func (c *call) choose(question string, words ...string) (string, error) {
	lines := wrap(question+fmt.Sprintf(" [%s]", words[len(words)-1]), c.session.textWidth(c.io.Width), 0, 0)
	lines[len(lines)-1] += " "
	question = strings.Join(lines, "\n")
	answer, err := c.ask(question, false)
	switch {
	case err != nil && c.ctx.Err() != nil:
		return "", err // Ctrl-C, or the end of the session
	case err != nil:
		return "", nil
	case answer == "":
		return words[len(words)-1], nil
	}
	if word := strings.ToLower(answer); slices.Contains(words, word) {
		return word, nil
	}
	c.next = &typed{lines[len(lines)-1], answer}
	return "", nil
}

// errNotConfirmed is the error of a command that the user has not confirmed.
var errNotConfirmed = &failure{Failed, "Not confirmed: nothing was done"}

// proceed asks the user at a terminal to confirm a command that affects others. Scripts are not asked.
func (c *call) proceed(format string, args ...any) error {
	if !c.interactive() {
		return nil
	}
	answer, err := c.choose(fmt.Sprintf(format, args...)+" Proceed?", "yes", "y", "n", "no")
	if err == nil && !strings.HasPrefix(answer, "y") {
		return errNotConfirmed
	}
	return err
}

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
