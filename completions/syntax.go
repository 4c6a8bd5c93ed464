// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"fmt"
	"slices"
	"strings"
)

type elementKind uint8

const (
	wordElement elementKind = iota
	choiceElement
	valueElement
	optionalElement
)

// element is one part of a syntax.
type element struct {
	kind    elementKind
	words   []string // one for wordElement, several for choiceElement
	param   *param
	content []element // optionalElement
}

// parseSyntax reads the notation described at Command.
func parseSyntax(s string) ([]element, error) {
	p := syntaxParser{rest: s}
	seq, err := p.sequence(false)
	if err != nil {
		return nil, fmt.Errorf("syntax %q: %w", s, err)
	}
	return seq, nil
}

type syntaxParser struct{ rest string }

func (p *syntaxParser) sequence(inBrackets bool) ([]element, error) {
	var seq []element
	for {
		p.rest = strings.TrimLeft(p.rest, " ")
		switch {
		case p.rest == "":
			if inBrackets {
				return nil, fmt.Errorf("missing ]")
			}
			return seq, nil
		case p.rest[0] == ']':
			if !inBrackets {
				return nil, fmt.Errorf("] without [")
			}
			p.rest = p.rest[1:]
			return seq, nil
		case p.rest[0] == '[':
			p.rest = p.rest[1:]
			content, err := p.sequence(true)
			if err != nil {
				return nil, err
			}
			seq = append(seq, element{kind: optionalElement, content: content})
		case p.rest[0] == '<':
			end := strings.IndexByte(p.rest, '>')
			if end < 0 {
				return nil, fmt.Errorf("missing >")
			}
			v, err := newParam(p.rest[1:end])
			if err != nil {
				return nil, err
			}
			p.rest = p.rest[end+1:]
			seq = append(seq, element{kind: valueElement, param: v})
		default:
			end := strings.IndexAny(p.rest, " []<")
			if end < 0 {
				end = len(p.rest)
			}
			words := strings.Split(p.rest[:end], "|")
			p.rest = p.rest[end:]
			if slices.Contains(words, "") {
				return nil, fmt.Errorf("empty word in a choice")
			}
			kind := wordElement
			if len(words) > 1 {
				kind = choiceElement
			}
			seq = append(seq, element{kind: kind, words: words})
		}
	}
}

// display writes a syntax for display: "<group:1-255>" becomes "<group 1-255>"; types are omitted.
func display(seq []element) string {
	parts := make([]string, len(seq))
	for i, e := range seq {
		switch e.kind {
		case wordElement, choiceElement:
			parts[i] = strings.Join(e.words, "|")
		case valueElement:
			parts[i] = e.param.String()
		case optionalElement:
			parts[i] = "[" + display(e.content) + "]"
		}
	}
	return strings.Join(parts, " ")
}
