// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/platform/process"
)

// stage is one pipe. It receives lines without line ends and passes some of them on.
type stage interface {
	line(s string) error
	// end is called after the last line.
	end() error
}

// chain is the output of a command with pipes.
type chain struct {
	direct io.Writer // the output if there are no pipes
	first  stage
	rest   []stage
	part   []byte // of an incomplete line
	err    error
}

// newChain creates the stages of pipes. The last stage writes to w.
func newChain(pipes []completions.Step, w io.Writer, share *process.Share) (*chain, error) {
	next := stage(&sink{w})
	stages := []stage{next}
	for i := len(pipes) - 1; i >= 0; i-- {
		s, err := newStage(&pipes[i], next, i == 0, share)
		if err != nil {
			return nil, err
		}
		if s != nil {
			next = s
			stages = append(stages, s)
		}
	}
	if len(stages) == 1 {
		return &chain{direct: w}, nil
	}
	c := &chain{first: next}
	for i := len(stages) - 1; i >= 0; i-- {
		c.rest = append(c.rest, stages[i])
	}
	return c, nil
}

func newStage(p *completions.Step, next stage, first bool, share *process.Share) (stage, error) {
	re := &pattern{share: share}
	if a, ok := p.Arg("regexp"); ok {
		var err error
		if re.re, err = CompilePattern(a.Value); err != nil {
			return nil, &completions.Error{Kind: completions.Invalid, Offset: a.Offset, Reason: err.Error()}
		}
	}
	switch p.Command.ID {
	case "pipe.include":
		return newGrep(p, re, next)
	case "pipe.exclude":
		return &grep{re: re, next: next}, nil
	case "pipe.begin":
		return &begin{re: re, next: next}, nil
	case "pipe.section":
		return &section{re: re, next: next, depth: -1}, nil
	case "pipe.count":
		return &count{re: re, next: next}, nil
	case "pipe.last":
		n, err := strconv.Atoi(p.Value("lines"))
		if err != nil {
			return nil, err
		}
		return &last{n: n, next: next}, nil
	case "pipe.save":
		return &save{name: p.Value("file"), next: next}, nil
	case "pipe.no-more":
		return nil, nil // the terminal handles this pipe
	case "pipe.json":
		if !first {
			return nil, failed("\"json\" must be the first pipe")
		}
		return nil, nil // the command itself writes JSON
	default:
		return nil, failed("Pipe %q has no effect here", strings.TrimPrefix(p.Command.ID, "pipe."))
	}
}

// Write implements io.Writer.
func (c *chain) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.direct != nil {
		n, err := c.direct.Write(p)
		c.err = err
		return n, err
	}
	for rest := p; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			c.part = append(c.part, rest...)
			return len(p), nil
		}
		line := string(append(c.part, rest[:i]...))
		c.part, rest = c.part[:0], rest[i+1:]
		if c.err = c.first.line(line); c.err != nil {
			return 0, c.err
		}
	}
}

// close tells the stages that the output has ended.
func (c *chain) close() error {
	if c.err != nil || c.direct != nil {
		return c.err
	}
	if len(c.part) > 0 {
		if err := c.first.line(string(c.part)); err != nil {
			return err
		}
	}
	for _, s := range c.rest {
		if err := s.end(); err != nil {
			return err
		}
	}
	return nil
}

// sink writes lines.
type sink struct{ w io.Writer }

func (s *sink) line(l string) error {
	_, err := io.WriteString(s.w, l+"\n")
	return err
}
func (s *sink) end() error { return nil }

// pattern is a regular expression.
type pattern struct {
	re    *regexp.Regexp
	share *process.Share
}

// match tells whether a line matches, which may take long.
func (p *pattern) match(line string) bool {
	p.share.Yield()
	return p.re.MatchString(line)
}

// grep passes lines that match or, inverted, lines that do not match.
type grep struct {
	re   *pattern
	want bool
	next stage
}

// newGrep returns the stage of "include" and "grep". The latter may begin with the options -v and -i of the program of that name.
func newGrep(p *completions.Step, re *pattern, next stage) (stage, error) {
	g := &grep{re: re, want: true, next: next}
	if !p.Has("grep") {
		return g, nil
	}
	a, _ := p.Arg("regexp")
	text := a.Value
	for {
		option, rest, more := strings.Cut(text, " ")
		if !more || len(option) < 2 || option[0] != '-' || strings.Trim(option[1:], "viE") != "" {
			break
		}
		g.want = g.want && !strings.Contains(option, "v")
		if text = strings.TrimLeft(rest, " "); strings.Contains(option, "i") {
			text = "(?i)" + text
		}
	}
	var err error
	if re.re, err = CompilePattern(text); err != nil {
		return nil, &completions.Error{Kind: completions.Invalid, Offset: a.Offset, Reason: err.Error()}
	}
	return g, nil
}

func (g *grep) line(l string) error {
	if g.re.match(l) == g.want {
		return g.next.line(l)
	}
	return nil
}
func (g *grep) end() error { return nil }

// begin passes everything from the first matching line on.
type begin struct {
	re   *pattern
	on   bool
	next stage
}

func (b *begin) line(l string) error {
	b.on = b.on || b.re.match(l)
	if b.on {
		return b.next.line(l)
	}
	return nil
}
func (b *begin) end() error { return nil }

// section passes matching lines together with the deeper indented lines below them.
type section struct {
	re    *pattern
	depth int // of the matching line, -1 outside a section
	next  stage
}

func (s *section) line(l string) error {
	depth := len(l) - len(strings.TrimLeft(l, " "))
	if s.depth >= 0 && depth > s.depth {
		return s.next.line(l)
	}
	s.depth = -1
	if s.re.match(l) {
		s.depth = depth
		return s.next.line(l)
	}
	return nil
}
func (s *section) end() error { return nil }

// count passes only the number of lines, or of lines that match.
type count struct {
	re   *pattern
	n    int
	next stage
}

func (c *count) line(l string) error {
	if c.re.re == nil || c.re.match(l) {
		c.n++
	}
	return nil
}
func (c *count) end() error {
	unit := "lines"
	if c.n == 1 {
		unit = "line"
	}
	return c.next.line(fmt.Sprintf("Count: %d %s", c.n, unit))
}

// last passes the last n lines.
type last struct {
	n     int
	lines []string
	next  stage
}

func (l *last) line(s string) error {
	l.lines = append(l.lines, s)
	if len(l.lines) >= 2*l.n {
		l.lines = append(l.lines[:0], l.lines[len(l.lines)-l.n:]...)
	}
	return nil
}

func (l *last) end() error {
	for _, s := range l.lines[max(0, len(l.lines)-l.n):] {
		if err := l.next.line(s); err != nil {
			return err
		}
	}
	return nil
}

// save writes lines to a file and passes nothing on.
type save struct {
	name string
	data bytes.Buffer
	next stage
}

func (s *save) line(l string) error {
	s.data.WriteString(l)
	s.data.WriteByte('\n')
	return nil
}

func (s *save) end() error {
	if !filepath.IsAbs(s.name) {
		return failed("Give the absolute path of the file, such as /var/tmp/%s", filepath.Base(s.name))
	}
	if err := conf.WriteFile(s.name, s.data.Bytes()); err != nil {
		return failed("Cannot save: %v", err)
	}
	return s.next.line(fmt.Sprintf("%d bytes written to %s", s.data.Len(), s.name))
}
