// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// What a regular expression may cost: its text, and the program that it is compiled to, for which counted repeats are written
// out. Each octet of a line takes as many steps as the program has instructions.
const (
	maxPattern = 256 // octets
	maxProgram = 500 // instructions
)

// CompilePattern compiles a regular expression (RE2) that a user gives; what would take too much memory or time is refused.
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

// instructions returns how large the program of a regular expression is, or, when that is more than maxProgram, some number
// beyond it. It need not be exact.
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
