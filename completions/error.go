// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"fmt"
	"slices"
	"strings"
)

// ErrorKind classifies errors in a line.
type ErrorKind uint8

// The kinds of errors.
const (
	Invalid    ErrorKind = iota // a word is wrong; Offset says which
	Ambiguous                   // a word has several meanings
	Incomplete                  // words are missing
	Denied                      // the user's level is too low
)

// Error says why a line does not parse.
type Error struct {
	Kind ErrorKind
	// Offset is the position of the word, in bytes.
	Offset int
	// Line is the line up to the end of the word.
	Line string
	// Words are the meanings of an ambiguous word, or the suggestions for an invalid word.
	Words []string
	// Expected lists what can stand at Offset.
	Expected []string
	// Reason says what is wrong with a value.
	Reason string
	depth  int // words understood
}

// Error returns a sentence in the style of network operating systems. The caller draws the marker
// that the sentence for Invalid refers to.
func (e *Error) Error() string {
	switch e.Kind {
	case Ambiguous:
		return fmt.Sprintf("Ambiguous command: %q (%s)", e.Line, strings.Join(e.Words, ", "))
	case Incomplete:
		return "Incomplete command: expected " + list(e.Expected)
	case Denied:
		return "Permission denied: " + e.Reason
	default:
		s := "Invalid input detected at '^' marker."
		switch {
		case e.Reason != "":
			s += " " + strings.ToUpper(e.Reason[:1]) + e.Reason[1:]
		case len(e.Words) > 0:
			s += " Did you mean: " + strings.Join(e.Words, ", ")
		case len(e.Expected) == 0:
			s += " Nothing more can follow"
		case len(e.Expected) <= maxListed:
			s += " Expected " + list(e.Expected)
		}
		return s
	}
}

// maxListed limits how many words an error lists.
const maxListed = 8

func list(words []string) string {
	switch {
	case len(words) == 0:
		return "the end of the line"
	case len(words) > maxListed:
		return strings.Join(words[:maxListed], ", ") + ", …"
	case len(words) > 1:
		return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	default:
		return words[0]
	}
}

// similar returns the likely intended words for a mistyped one, likeliest first.
func similar(word string, among []string) []string {
	type near struct {
		word     string
		distance int
	}
	word = strings.ToLower(word)
	limit := max(1, len(word)/3)
	var found []near
	for _, w := range among {
		d := distance(word, w)
		// Compare a mistyped abbreviation with the beginning of the word too.
		if len(word) >= 3 && len(w) > len(word) {
			d = min(d, distance(word, w[:len(word)])+1)
		}
		if d <= limit {
			found = append(found, near{w, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.distance - b.distance })
	var words []string
	for _, f := range found {
		if f.distance > found[0].distance || len(words) == 3 {
			break
		}
		if !slices.Contains(words, f.word) {
			words = append(words, f.word)
		}
	}
	return words
}

// distance counts insertions, deletions, substitutions and swaps of adjacent letters.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	var before, row, next [41]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
