// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
	"vrrpsh/platform/printable"
)

// Session is one user's conversation with a router in this process. Its methods may be called from
// several goroutines. Commands run one at a time.
type Session struct {
	env      *Env
	user     User
	tree     *completions.Tree
	registry *Sessions
	id       int // number in the registry
	since    time.Time
	ctx      context.Context // ends with the session
	cancel   context.CancelFunc
	watching sync.WaitGroup
	notices  chan string

	// running is held while a command runs. The fields below change only while it is held.
	running sync.Mutex

	mu          sync.Mutex
	place       commands.Place  // the mode and the object that it edits
	draft       *commands.Draft // nil outside configure mode
	ended       bool
	monitor     bool
	debugs      map[string]*debugger // by "packets" or "events"
	length      int                  // page length in lines, -1: the height of the terminal
	width       int                  // in columns, 0: the width of the terminal
	columns     int                  // width reported by the terminal, 0: no terminal or not reported yet
	suggestions bool
	plain       bool // plain line mode
	failedLine  bool // since "configure", or since the last commit, a line has failed
	idle        idle
}

var _ Conversation = (*Session)(nil)

// noticeBuffer is how many notices are queued for a busy terminal. Older notices are dropped.
const noticeBuffer = 256

// New starts a session. Close ends it.
func New(env *Env, user User) *Session {
	s := &Session{
		env: env, user: user, registry: env.Sessions, tree: grammar(env.Lab != nil),
		notices: make(chan string, noticeBuffer), place: commands.Place{Mode: completions.Exec}, length: -1,
		suggestions: env.Preferences.suggestions(user.Name),
		plain:       user.Plain,
	}
	if user.Plain {
		s.length = 0 // a program does not answer the pager
	}
	if s.registry == nil {
		s.registry = NewSessions()
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.since = s.now()
	s.greet()
	s.registry.add(s)
	s.watch()
	return s
}

func (s *Session) now() time.Time {
	if s.env.Now != nil {
		return s.env.Now()
	}
	return time.Now()
}

// Prompt implements Conversation.
func (s *Session) Prompt() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	mode, star, sign := "", "", "#"
	if s.draft != nil && s.draft.Changed() {
		star = "*"
	}
	if s.place.Mode != completions.Exec {
		// Programs that type commands know the mode by ")#".
		mode = "(" + string(s.place.Mode) + star + ")"
	} else if a := s.env.Manager.Awaited(); a != nil && !s.plain {
		mode = "[confirm " + countdown(a.Deadline.Sub(s.now())) + "]"
	}
	if s.user.Level < completions.Operator {
		sign = ">"
	}
	return s.hostname() + mode + sign + " "
}

func (s *Session) hostname() string {
	if name, set := conf.Hostname.In(s.env.Manager.Running().File); set {
		return printable.Line(name)
	}
	return s.env.Hostname
}

// Ended implements Conversation.
func (s *Session) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Err implements Conversation.
func (s *Session) Err() error { return nil }

// PageLength implements Conversation.
func (s *Session) PageLength() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.length
}

// Resize implements Conversation.
func (s *Session) Resize(columns, _ int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.columns = columns
}

// columnsNow returns the width of the terminal, which may have changed since the command began, when it was begun.
func (s *Session) columnsNow(begun int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.columns > 0 && begun > 0 {
		return s.columns
	}
	return begun
}

// textWidth returns the maximum width of text for people: the value of "terminal width", or else the width of the
// terminal. 0 means unlimited, as it is for programs.
func (s *Session) textWidth(terminal int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.width > 0:
		return s.width
	case s.plain:
		return 0
	default:
		return terminal
	}
}

// Suggestions implements Conversation.
func (s *Session) Suggestions() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suggestions
}

// Plain implements Conversation.
func (s *Session) Plain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plain
}

// changed tells whether there is an uncommitted candidate.
func (s *Session) changed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draft != nil && s.draft.Changed()
}

// glance returns what other sessions may know about this session.
func (s *Session) glance() (mode string, changes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.place.Mode), s.draft != nil && s.draft.Changed()
}

// Close implements Conversation. It interrupts a running command and waits for it.
func (s *Session) Close() error {
	s.cancel()
	s.running.Lock()
	defer s.running.Unlock()
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.finish()
	return nil
}

// expel ends the session without the user's action, after the running command has ended.
func (s *Session) expel(why string) {
	s.running.Lock()
	defer s.running.Unlock()
	s.mu.Lock()
	gone := s.place.Mode == closed
	s.mu.Unlock()
	if !gone {
		s.audit("session ended", "reason", why)
		s.notify("% " + why)
		s.cancel()
		s.finish()
	}
}

// finish releases everything except the last notices. The caller must hold s.running.
func (s *Session) finish() {
	s.mu.Lock()
	again, d := s.place.Mode == closed, s.draft
	s.place, s.draft = commands.Place{Mode: closed}, nil
	s.mu.Unlock()
	if again {
		return
	}
	s.idle.set(0, nil)
	s.stopDebugging("")
	s.watching.Wait()
	s.registry.remove(s)         // from here on nothing calls notify
	if d != nil && d.Changed() { // no other session has this candidate
		s.registry.keep(s, d)
		s.audit("candidate of a lost session kept")
	}
	close(s.notices)
}

// closed is the mode of a session after Close.
const closed completions.Mode = "closed"

// Execute runs one line and writes its output, and what is wrong with it, to out. Lines of one session run one after the other.
func (s *Session) Execute(ctx context.Context, line string, out IO) Status {
	s.running.Lock()
	defer s.running.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if s.place.Mode == closed {
		complain(out, 0, "", line, failed("The session has ended"))
		return Failed
	}
	s.idle.pause()
	defer s.idle.resume()
	prompt := s.Prompt()
	for {
		next, err := s.execute(ctx, strings.TrimRight(line, "\r\n"), out)
		if err != nil {
			s.failedLine = s.draft != nil
			complain(out, s.textWidth(out.Width), prompt, line, s.plainly(err))
		}
		if next == nil || ctx.Err() != nil {
			return statusOf(err)
		}
		prompt, line = next.question, next.line
	}
}

// execute runs one line. It returns the line that the user typed instead of an answer, if any.
func (s *Session) execute(ctx context.Context, line string, out IO) (*typed, error) {
	if err := sane(line); err != nil {
		return nil, err
	}
	if t := strings.TrimSpace(line); t == "!!" && out.Terminal != nil {
		return nil, failed("The up arrow or Ctrl-P recalls the last line, Ctrl-R searches; \"!\" begins a comment")
	} else if t == "" || t[0] == '!' || t[0] == '#' {
		return nil, nil // nothing to run
	}
	typed := line
	line = s.expand(s.place.Mode, line)
	inv, perr := s.tree.Parse(s.place.Mode, s.user.Level, line)
	switch {
	case perr != nil && line != typed: // a marker would be below another word
		return nil, &failure{BadSyntax, fmt.Sprintf("%s\n%s", line, asValue(perr))}
	case perr != nil:
		return nil, perr
	}
	if need := inv.Last().Command.Level; need > s.user.Level {
		return nil, failed("Permission denied: this needs level %d, yours is %d", need, s.user.Level)
	}
	c := &call{session: s, ctx: ctx, inv: inv, step: inv.Last(), io: out}
	if inv.Last().Command.Setting {
		if len(inv.Pipes) > 0 {
			return nil, failed("Settings have no output to pipe")
		}
		return nil, c.edit()
	}
	h, ok := handlers[c.step.Command.ID]
	if !ok {
		return nil, fmt.Errorf("command %s does nothing", c.step.Command.ID)
	}
	if id := c.step.Command.ID; c.step.Command.Level > completions.Viewer &&
		!strings.HasPrefix(id, "show.") && !strings.HasPrefix(id, "terminal.") { // these commands change nothing
		s.audit("command", "line", commands.Masked(c.inv))
	}
	end, err := c.takeTurn()
	if err != nil {
		return nil, err
	}
	defer end()
	err = c.run(h)
	return c.next, err
}

// audit logs a change made by the user.
func (s *Session) audit(msg string, args ...any) {
	if s.env.Log != nil {
		s.env.Log.Info(msg, append([]any{"user", s.user.Name, "source", s.user.Source}, args...)...)
	}
}

// info returns the user who commits and the comment.
func (s *Session) info(comment string) conf.Info {
	return conf.Info{Session: s.id, User: s.user.Name, Source: s.user.Source, Comment: comment}
}
