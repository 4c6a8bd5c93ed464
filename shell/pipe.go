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

// row is a line of output without its line end.
type row struct {
	text   string
	titles bool // the titles of a table, or a sentence besides the data
}

// stage is one pipe. It receives lines and passes some of them on.
type stage interface {
	line(l row) error
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
	re, want := &pattern{share: share}, true
	if a, ok := p.Arg("regexp"); ok {
		text := a.Value
		if p.Has("grep") {
			text, want = grepOptions(text)
		}
		var err error
		if re.re, err = CompilePattern(text); err != nil {
			return nil, &completions.Error{Kind: completions.Invalid, Offset: a.Offset, Reason: err.Error()}
		}
	}
	switch p.Command.ID {
	case "pipe.include":
		return &grep{re: re, want: want, next: next}, nil
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
		if c.err = c.first.line(row{text: line}); c.err != nil {
			return 0, c.err
		}
	}
}

// writeTitles implements titled.
func (c *chain) writeTitles(line []byte) error {
	if c.err != nil || c.direct != nil {
		_, err := c.Write(line)
		return err
	}
	c.err = c.first.line(row{text: string(bytes.TrimRight(line, "\n")), titles: true})
	return c.err
}

// close tells the stages that the output has ended.
func (c *chain) close() error {
	if c.err != nil || c.direct != nil {
		return c.err
	}
	if len(c.part) > 0 {
		if err := c.first.line(row{text: string(c.part)}); err != nil {
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

func (s *sink) line(l row) error {
	_, err := io.WriteString(s.w, l.text+"\n")
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

// grepOptions takes the options -v and -i of the program "grep" from the beginning of a text. It returns the regular expression behind them,
// and whether lines that match are wanted.
func grepOptions(text string) (expression string, want bool) {
	want = true
	fold := ""
	for {
		option, rest, more := strings.Cut(text, " ")
		if !more || len(option) < 2 || option[0] != '-' || strings.Trim(option[1:], "viE") != "" {
			return fold + text, want
		}
		want = want && !strings.Contains(option, "v")
		if strings.Contains(option, "i") {
			fold = "(?i)"
		}
		text = strings.TrimLeft(rest, " ")
	}
}

func (g *grep) line(l row) error {
	if g.re.match(l.text) == g.want {
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

func (b *begin) line(l row) error {
	b.on = b.on || b.re.match(l.text)
	if b.on {
		return b.next.line(l)
	}
	return nil
}
func (b *begin) end() error { return nil }

// section passes matching lines together with the deeper indented lines below them, and before them the less indented lines
// that they belong to.
type section struct {
	re      *pattern
	parents []parent // the lines that the next line may belong to, each deeper indented than the one before
	depth   int      // of the matching line, -1 outside a section
	next    stage
}

// parent is a line that deeper indented lines belong to.
type parent struct {
	line   row
	depth  int
	passed bool
}

func (s *section) line(l row) error {
	depth := len(l.text) - len(strings.TrimLeft(l.text, " "))
	inside := s.depth >= 0 && depth > s.depth
	if !inside {
		s.depth = -1
	}
	for n := len(s.parents); n > 0 && s.parents[n-1].depth >= depth; n-- {
		s.parents = s.parents[:n-1]
	}
	matches := inside || s.re.match(l.text)
	if matches && !inside {
		s.depth = depth
		for i := range s.parents {
			if p := &s.parents[i]; !p.passed {
				p.passed = true
				if err := s.next.line(p.line); err != nil {
					return err
				}
			}
		}
	}
	s.parents = append(s.parents, parent{l, depth, matches})
	if !matches {
		return nil
	}
	return s.next.line(l)
}
func (s *section) end() error { return nil }

// count passes only the number of lines, or of lines that match, without titles.
type count struct {
	re   *pattern
	n    int
	next stage
}

func (c *count) line(l row) error {
	if !l.titles && (c.re.re == nil || c.re.match(l.text)) {
		c.n++
	}
	return nil
}

func (c *count) end() error {
	return c.next.line(row{text: "Count: " + plural(c.n, "line")})
}

// last passes the last n lines.
type last struct {
	n     int
	lines []row
	next  stage
}

func (l *last) line(s row) error {
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

func (s *save) line(l row) error {
	s.data.WriteString(l.text)
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
	return s.next.line(row{text: fmt.Sprintf("%d bytes written to %s", s.data.Len(), s.name)})
}
