// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
	"vrrpsh/platform/printable"
)

// Complete implements Conversation.
func (s *Session) Complete(line string) []Suggestion {
	if sane(line) != nil {
		return nil
	}
	s.idle.touch()
	var found []completions.Candidate
	s.think(func() { found, _ = s.candidates(line) })
	return suggested(found)
}

// Complete returns the possible words at the end of a line in exec mode, without a router: no existing names or values.
func Complete(line string) []Suggestion {
	if sane(line) != nil {
		return nil
	}
	found, _ := routerTree().Complete(completions.Exec, completions.Administrator, line, nil)
	return suggested(found)
}

func suggested(found []completions.Candidate) []Suggestion {
	list := make([]Suggestion, 0, len(found))
	for _, f := range found {
		list = append(list, Suggestion{Text: f.Text, Help: f.Help, Literal: f.Literal})
	}
	return list
}

func (s *Session) candidates(line string) ([]completions.Candidate, *completions.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.place.Mode == closed {
		return nil, nil
	}
	found, err := s.tree.Complete(s.place.Mode, s.user.Level, s.expand(s.place.Mode, line), s.values)
	return s.aliasCandidates(found, line), err
}

// Help implements Conversation.
func (s *Session) Help(line string) string {
	if err := sane(line); err != nil {
		return "% " + describe(err) + "\n"
	}
	s.idle.touch()
	var found []completions.Candidate
	var err *completions.Error
	s.think(func() { found, err = s.candidates(line) })
	if len(found) == 0 {
		if err == nil {
			return "% Nothing can follow\n"
		}
		if err.Kind == completions.Invalid {
			return "% Unrecognized command" + meant(err) + "\n"
		}
		return "% " + err.Error() + "\n"
	}
	s.mu.Lock()
	columns := s.columns
	s.mu.Unlock()
	return helpText(found, s.textWidth(columns))
}

// helpText formats words and their meanings in two columns, or one below the other if the width is too small.
func helpText(found []completions.Candidate, width int) string {
	const indent, most = 2, 30
	words := 0
	for _, f := range found {
		words = max(words, min(most, runewidth.StringWidth(f.Text)))
	}
	at := indent + words + 2
	var b strings.Builder
	for _, f := range found {
		text, help := printable.Line(f.Text), printable.Line(f.Help)
		switch {
		case help == "":
			b.WriteString(strings.Repeat(" ", indent) + text + "\n")
		case width >= minWrap && width-at < minWrap:
			b.WriteString(strings.Repeat(" ", indent) + text + "\n")
			b.WriteString(strings.Join(wrap(help, width, 2*indent, 2*indent), "\n") + "\n")
		default:
			lines := wrap(help, width, max(at, indent+runewidth.StringWidth(text)+2), at)
			b.WriteString(strings.Repeat(" ", indent) + text + lines[0][indent+runewidth.StringWidth(text):] + "\n")
			for _, l := range lines[1:] {
				b.WriteString(l + "\n")
			}
		}
	}
	return b.String()
}

func meant(err *completions.Error) string {
	if len(err.Words) == 0 {
		return ""
	}
	return ". Did you mean: " + strings.Join(err.Words, ", ")
}

// values lists existing names and values for completion. The caller must hold s.mu.
func (s *Session) values(kind, prefix string, line []completions.Step) []completions.Candidate {
	switch kind {
	case "interface":
		return s.interfaceValues(line)
	case "group":
		return s.groupValues(line)
	case "revision":
		return s.revisionValues()
	case "session":
		return s.sessionValues()
	case "lost":
		return s.lostValues()
	case "router":
		var list []completions.Candidate
		if s.env.Lab != nil {
			for _, r := range s.env.Lab.Routers() {
				list = append(list, completions.Candidate{Text: r})
			}
		}
		return list
	case "file":
		return fileValues(prefix)
	case "track", "object":
		return s.objectValues("track")
	case "hook":
		return s.objectValues("notify")
	case "address":
		return s.addressValues(line)
	default:
		return nil
	}
}

// objectValues lists the objects of a kind with their descriptions.
func (s *Session) objectValues(word string) []completions.Candidate {
	var list []completions.Candidate
	names, lines := commands.Names(s.shownDraft().File(), word)
	for i, name := range names {
		help := strings.TrimPrefix(lines[i], word+" "+completions.Quote(name))
		list = append(list, completions.Candidate{Text: name, Help: strings.TrimSpace(help)})
	}
	return list
}

// shownDraft returns the session's candidate, or outside configure mode the configuration that a new candidate would start
// with.
func (s *Session) shownDraft() *commands.Draft {
	if s.draft != nil {
		return s.draft
	}
	return commands.Of(s.env.Manager.Running().File)
}

func (s *Session) interfaceValues(line []completions.Step) []completions.Candidate {
	last := &line[len(line)-1]
	if last.Words != nil && last.Words[0] == conf.VIFName.CommandWords() {
		return nil
	}
	help := make(map[string]string)
	for _, name := range s.shownDraft().Interfaces() {
		help[name] = "configured"
	}
	// For commands about virtual routers, offer only interfaces that have virtual routers.
	if last.Mode != completions.Exec || last.Has("interfaces") {
		if snapshot, err := s.env.View.Snapshot(s.ctx); err == nil {
			for i := range snapshot.Links {
				l := &snapshot.Links[i]
				if !l.Ethernet && !last.Has("interfaces") {
					continue
				}
				state := "down"
				if l.Up {
					state = "up"
				}
				if len(l.Addrs) > 0 {
					state += ", " + l.Addrs[0].String()
				}
				help[l.Name] = state
			}
		}
	}
	list := make([]completions.Candidate, 0, len(help))
	for name, h := range help {
		list = append(list, completions.Candidate{Text: name, Help: h})
	}
	slices.SortFunc(list, func(a, b completions.Candidate) int { return natural(a.Text, b.Text) })
	return list
}

func (s *Session) groupValues(line []completions.Step) []completions.Candidate {
	iface := s.place.Iface
	for i := range line {
		if v := line[i].Value("interface"); v != "" {
			iface = v
		} else if line[i].Mode == completions.Exec {
			iface = ""
		}
	}
	if iface == "" && s.place.Mode == completions.ConfigRouter && line[0].Mode == completions.ConfigIf {
		iface = s.place.Router.Interface
	}
	d := s.shownDraft()
	help := make(map[int]string)
	for _, v := range conf.VRouters.Value(d.File()) {
		group, has := conf.Group.In(v)
		if !has || iface != "" && conf.Interface.Value(v) != iface {
			continue
		}
		text := ""
		if a := commands.Addresses(v); len(a) > 0 {
			text = a[0]
		}
		if conf.Description.IsSet(v) {
			text += " " + conf.Description.Value(v)
		}
		if old, twice := help[group]; twice && old != "" {
			text = old + ", …"
			if strings.HasSuffix(old, ", …") {
				text = old
			}
		}
		help[group] = strings.TrimSpace(text)
	}
	list := make([]completions.Candidate, 0, len(help))
	for g, h := range help {
		list = append(list, completions.Candidate{Text: strconv.Itoa(g), Help: h})
	}
	slices.SortFunc(list, func(a, b completions.Candidate) int { return natural(a.Text, b.Text) })
	return list
}

func (s *Session) revisionValues() []completions.Candidate {
	var list []completions.Candidate
	for i, r := range s.env.Manager.History() {
		help := fmt.Sprintf("commit %d, %s", r.ID, s.stamp(r.Time))
		for _, part := range []string{r.User, r.Comment} {
			if part != "" {
				help += ", " + part
			}
		}
		list = append(list, completions.Candidate{Text: strconv.Itoa(i), Help: help})
	}
	return list
}

// sessionValues lists the other sessions. It does not look into them: they may complete a line, too.
func (s *Session) sessionValues() []completions.Candidate {
	var list []completions.Candidate
	for _, other := range s.registry.others(s) {
		list = append(list, completions.Candidate{
			Text: strconv.Itoa(other.id), Help: fmt.Sprintf("%s, since %s", other.user.describe(), s.stamp(other.since)),
		})
	}
	return list
}

// lostValues lists the candidates of lost sessions.
func (s *Session) lostValues() []completions.Candidate {
	var list []completions.Candidate
	for _, l := range s.registry.kept() {
		help := l.describe(s.now())
		if l.taken {
			help += ", continued since"
		}
		list = append(list, completions.Candidate{Text: strconv.Itoa(l.number), Help: help})
	}
	return list
}

// addressValues lists the addresses that "no vip" can remove.
func (s *Session) addressValues(line []completions.Step) []completions.Candidate {
	if s.draft == nil || len(line) == 0 {
		return nil
	}
	var list []completions.Candidate
	if t := s.draft.Router(s.place.Leads(line).Router); t != nil {
		for _, a := range commands.Addresses(t) {
			list = append(list, completions.Candidate{Text: a, Help: "configured"})
		}
	}
	return list
}

// fileValues lists the entries of a directory on the router.
func fileValues(prefix string) []completions.Candidate {
	dir, _ := filepath.Split(prefix)
	read := dir
	if read == "" {
		read = "."
	}
	entries, err := os.ReadDir(read)
	if err != nil {
		return nil
	}
	var list []completions.Candidate
	for _, e := range entries {
		name := dir + e.Name()
		if strings.HasPrefix(e.Name(), ".") || completions.Quote(name) != name {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		list = append(list, completions.Candidate{Text: name})
	}
	return list
}

// natural compares names so that eth2 comes before eth10.
func natural(a, b string) int {
	if len(a) != len(b) && strings.TrimRight(a, "0123456789") == strings.TrimRight(b, "0123456789") {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
