package shell

import "vrrpsh/conf"

// Sessions knows the sessions of a router, tells them of each other's commits and
// keeps what a lost session had not committed. It is safe for concurrent use.
type Sessions struct{}

// NewSessions returns an empty registry.
func NewSessions() *Sessions { return &Sessions{} }

// Committed tells every session but the one that made it of a revision. It
// may be called more than once for the same one; conf.Options.Notify is the place to call it.
func (r *Sessions) Committed(rev *conf.Revision) {}
