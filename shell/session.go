package shell

import (
	"context"
)

// Session is one user's conversation with the router in this process. Its
// methods may be called from several goroutines; commands run one at a time.
type Session struct {
	env  *Env
	user User
}

var _ Conversation = (*Session)(nil)

// New starts a session. Close ends it.
func New(env *Env, user User) *Session { return &Session{env: env, user: user} }

// Prompt implements Conversation.
func (s *Session) Prompt() string { return s.env.Hostname + "# " }

// Execute implements Conversation.
func (s *Session) Execute(ctx context.Context, line string, io IO) Status { return Done }

// Complete implements Conversation.
func (s *Session) Complete(line string) []Suggestion { return nil }

// Help implements Conversation.
func (s *Session) Help(line string) string { return "" }

// Notices implements Conversation.
func (s *Session) Notices() <-chan string { return nil }

// Ended implements Conversation.
func (s *Session) Ended() bool { return false }

// Close implements Conversation.
func (s *Session) Close() error { return nil }
