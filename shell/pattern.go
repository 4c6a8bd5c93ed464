// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Limits on the cost of a regular expression: its text and its compiled program, in which counted repeats are
// expanded. Matching takes as many steps per octet of a line as the program has instructions.
const (
	maxPattern = 256 // octets
	maxProgram = 500 // instructions
)

// CompilePattern compiles a regular expression (RE2) given by a user. It rejects expressions that would take too much
// memory or time.
func CompilePattern(text string) (*regexp.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("the regular expression is too long: %d octets, at most %d", len(text), maxPattern)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if instructions(tree) > maxProgram {
		return nil, fmt.Errorf("the regular expression is too large: its repeats make more than %d steps", maxProgram)
	}
	return regexp.Compile(text)
}

// instructions estimates the number of instructions in the program of a regular expression. Above maxProgram it
// returns any number greater than maxProgram.
func instructions(re *syntax.Regexp) int {
	n := 1
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		if n += instructions(sub); n > maxProgram {
			return n
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return n
}
