// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vrrpsh/conf/commands"
)

// maxLost is how many lost candidates are kept for each user. A newer one takes the place of the oldest.
const maxLost = 16

// lost is the uncommitted candidate of a session that has ended.
type lost struct {
	number  int
	user    User
	at      time.Time
	draft   *commands.Draft
	changes int
	// taken is set once somebody has continued with the candidate.
	taken bool
}

// keep stores the candidate of a session until the router stops.
func (r *Sessions) keep(s *Session, d *commands.Draft) {
	l := &lost{user: s.user, at: s.now(), draft: d, changes: changesOf(d)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastLost++
	l.number = r.lastLost
	of := 0
	for _, old := range slices.Backward(r.lost) {
		if old.user.Name == l.user.Name {
			if of++; of == maxLost {
				r.lost = slices.DeleteFunc(r.lost, func(x *lost) bool { return x == old })
				break
			}
		}
	}
	r.lost = append(r.lost, l)
}

// changesOf counts the changes of a draft since its base.
func changesOf(d *commands.Draft) int {
	return changesIn(commands.Compare(commands.Of(d.Base().File), d))
}

// changesIn counts the changes of a list. A line that takes the place of another one is one change.
func changesIn(list []commands.Delta) (n int) {
	var last commands.Delta
	for _, delta := range list {
		replaces := last.Op == "-" && delta.Op == "+" && last.Depth == delta.Depth && firstWord(last.Command) == firstWord(delta.Command)
		if delta.Op != " " && !replaces {
			n++
		}
		last = delta
	}
	return n
}

func firstWord(line string) string {
	word, _, _ := strings.Cut(line, " ")
	return word
}

// kept returns the lost candidates, the newest first.
func (r *Sessions) kept() []lost {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]lost, 0, len(r.lost))
	for _, l := range slices.Backward(r.lost) {
		list = append(list, *l)
	}
	return list
}

// take returns a copy of the lost candidate with a number, or with number 0 the last one of a user; nil if there is none.
func (r *Sessions) take(number int, user string) *lost {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range slices.Backward(r.lost) {
		if l.number == number || number == 0 && l.user.Name == user {
			l.taken = true
			found := *l
			found.draft = l.draft.Copy()
			return &found
		}
	}
	return nil
}

// describe says whose candidate it is, how many changes it has, and its age.
func (l *lost) describe(now time.Time) string {
	return fmt.Sprintf("%s of %s, lost %s ago", plural(l.changes, "uncommitted change"), l.user.describe(), span(now.Sub(l.at)))
}

// tellLost lists the lost candidates that nobody has continued with.
func (c *call) tellLost() {
	const most = 5
	waiting := slices.DeleteFunc(c.session.registry.kept(), func(l lost) bool { return l.taken })
	for _, l := range waiting[:min(len(waiting), most)] {
		c.say(0, "%s: \"load lost %d\" continues with them", l.describe(c.session.now()), l.number)
	}
	if more := len(waiting) - most; more > 0 {
		c.say(0, "%d more: \"load lost ?\" lists them", more)
	}
}

// loadLost makes a lost candidate this session's candidate.
func loadLost(c *call) error {
	s := c.session
	if s.changed() {
		return failed("Uncommitted changes: commit or discard them first")
	}
	number, _ := strconv.Atoi(c.step.Value("number")) // the grammar checks it
	l := s.registry.take(number, s.user.Name)
	switch {
	case l == nil && number == 0:
		return failed("There are no uncommitted changes of a lost session of yours")
	case l == nil:
		return c.step.Misplaced("number", "there is no such lost candidate")
	}
	c.restart(l.draft)
	c.say(0, "Continuing with %s", l.describe(s.now()))
	return nil
}
