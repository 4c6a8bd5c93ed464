// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/printable"
)

func commit(c *call) error { return c.commitCandidate(c.commitInfo()) }

// commitQuit commits and leaves configure mode.
func commitQuit(c *call) error {
	if err := commit(c); err != nil {
		return err
	}
	return c.leave()
}

// commitInfo returns the user, comment and options of a commit.
func (c *call) commitInfo() conf.Info {
	info := c.session.info(c.step.Value("comment"))
	info.Overwrite = c.step.Has("overwrite")
	info.Progress = c.progress
	return info
}

// commitCandidate makes the candidate the running configuration.
func (c *call) commitCandidate(info conf.Info) error {
	s := c.session
	if err := s.registry.mayCommit(s); err != nil {
		return err
	}
	awaited := s.env.Manager.Awaited()
	if !s.changed() && !info.Overwrite {
		switch {
		case awaited != nil && info.Confirm > 0:
			return c.extend(info)
		case awaited != nil:
			return confirm(c)
		}
		c.printf("No changes to commit\n")
		return nil
	}
	rev, err := s.env.Manager.Commit(c.ctx, s.draft.Candidate(), info)
	if err != nil {
		s.audit("commit failed", "error", err.Error())
		return withRemedy(err)
	}
	changes := commands.Compare(commands.Of(s.draft.Base().File), s.draft)
	s.audit("committed", "revision", rev.ID, "comment", info.Comment, "confirm", info.Confirm, "changes", len(changes))
	for i, d := range changes {
		if i == maxAudited {
			break
		}
		s.audit("change", "revision", rev.ID, "line", d.String())
	}
	s.mu.Lock()
	s.draft = commands.Based(rev, rev.File.Clone())
	s.mu.Unlock()
	s.failedLine = false
	if awaited != nil && info.Confirm == 0 {
		c.printf("Commit %d is confirmed\n", awaited.Commit)
	}
	c.printf("Commit %d complete\n", rev.ID)
	if left := rev.ConfirmBy.Sub(s.now()); !rev.ConfirmBy.IsZero() && awaited != nil {
		c.say(0, "Rolls back to commit %d in %s unless confirmed (\"confirm\" or \"commit\")", awaited.Back, span(left))
	} else if !rev.ConfirmBy.IsZero() {
		c.say(0, "Rolls back in %s unless confirmed (\"confirm\" or \"commit\")", span(left))
	}
	c.warn(rev)
	return nil
}

// warn prints what a commit has to say.
func (c *call) warn(rev *conf.Revision) {
	for _, n := range rev.Notes {
		c.say(0, "Note: %s", n)
	}
	for _, w := range rev.Config.Warnings {
		c.say(0, "Warning: %s", w)
	}
	for _, text := range c.session.env.obstacles(rev.Config.Engine.Routers...) {
		c.say(0, "Warning: a setting of this host is in the way: %s", text)
	}
}

// withRemedy adds to the error of a commit the command that helps.
func withRemedy(err error) error {
	switch {
	case errors.Is(err, conf.ErrStale):
		return fmt.Errorf("%w%s\n\"rebase\" applies this candidate's changes to it", err, staleChanges(err))
	case errors.Is(err, conf.ErrFileChanged):
		return fmt.Errorf("%w\n\"commit overwrite\" commits anyway", err)
	}
	return err
}

// staleChanges lists the commits of other users since the candidate was created.
func staleChanges(err error) string {
	var stale *conf.StaleError
	if !errors.As(err, &stale) {
		return ""
	}
	const most = 10
	var b strings.Builder
	changes := commands.Compare(commands.Of(stale.Base.File), commands.Of(stale.Running.File))
	for i, d := range changes {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(changes)-most)
			break
		}
		b.WriteString("\n  " + d.String())
	}
	return b.String()
}

// maxAudited limits how many changed lines of a commit are logged. The commit history has all of them.
const maxAudited = 200

// plan is the result of "commit check".
type plan struct {
	Valid   bool         `json:"valid"`
	Changes []planChange `json:"changes"` // of the virtual routers
	Routes  []planRoute  `json:"routes"`
	// Connected are the routes to subnets that a Master brings.
	Connected []connectedRoute `json:"connected,omitempty"`
	// Settings are the changes of everything else: tracked objects, notifications, listeners, logging.
	Settings []commands.Delta `json:"settings"`
	// Listeners are the listeners that the commit opens.
	Listeners []string `json:"listeners,omitempty"`
	// Warnings are what is legal but probably a mistake.
	Warnings []string `json:"warnings,omitempty"`
}

// planRoute is a static route that a commit adds, changes or removes.
type planRoute struct {
	Destination string `json:"destination"`
	NextHop     string `json:"next_hop"`
	Metric      int    `json:"metric"`
	Change      string `json:"change"`
}

type planChange struct {
	Interface   string   `json:"interface"`
	Family      string   `json:"family"`
	Group       uint8    `json:"group"`
	Change      string   `json:"change"`
	Settings    []string `json:"settings,omitempty"`
	LosesMaster bool     `json:"loses_master"`
	// With is the member of the sync group that takes the Master role from this router.
	With string `json:"with,omitempty"`
}

// checkCandidate validates the candidate and plans its commit.
func (c *call) checkCandidate() (*plan, error) {
	c.progress("validating the candidate")
	cfg, changes, err := c.session.env.Manager.Check(c.session.draft.Candidate())
	if err != nil {
		return nil, withRemedy(err)
	}
	snapshot, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	masters, owners := make(map[engine.Key]bool), make(map[engine.Key]bool)
	for _, r := range snapshot.Routers {
		masters[r.Config.Key] = r.State == vrrp.Master
		owners[r.Config.Key] = r.Local.Owner
	}
	p := &plan{Valid: true, Changes: make([]planChange, 0, len(changes))}
	for _, ch := range changes {
		loses := ch.Resigns && masters[ch.Key]
		if ch.With != (engine.Key{}) {
			// A Backup takes Master from nobody, and an address owner takes no part in its sync group.
			loses = loses && masters[ch.With] && !owners[ch.Key] && !owners[ch.With]
		}
		if ch.Kind == engine.Unchanged && !loses {
			continue
		}
		line := planChange{
			Interface: ch.Key.Interface, Family: ch.Key.Family.String(), Group: ch.Key.VRID,
			Change: ch.Kind.String(), Settings: ch.Fields, LosesMaster: loses,
		}
		if loses && ch.With != (engine.Key{}) {
			line.With = ch.With.String()
		}
		p.Changes = append(p.Changes, line)
	}
	d := c.session.draft
	p.Routes = []planRoute{}
	for _, r := range commands.CompareRoutes(d.Base().File, d.File()) {
		p.Routes = append(p.Routes, planRoute{conf.Destination(r.Route), conf.StaticNH.Value(r.Route), conf.StaticMetric.Value(r.Route), r.Change})
	}
	if c.session.env.Connects {
		p.Connected = connectedRoutes(d.File(), snapshot.Links)
	}
	p.Settings = commands.CompareOthers(d.Base().File, d.File())
	p.Listeners = opened(d.Base().File, d.File())
	p.Warnings = slices.Concat(c.doubts(cfg, changes, snapshot.Links, p.Connected), cfg.Warnings)
	if err := c.session.registry.mayCommit(c.session); err != nil {
		p.Warnings = append(p.Warnings, err.Error()+": commits are refused")
	}
	return p, nil
}

func checkData(c *call) (any, error) { return c.checkCandidate() }

func commitCheck(c *call) error {
	p, err := c.checkCandidate()
	if err != nil {
		return err
	}
	c.say(0, "The candidate is valid%s", p.totals())
	for _, ch := range p.Changes {
		c.printf("%s %s group %d: %s", ch.Interface, ch.Family, ch.Group, ch.Change)
		if len(ch.Settings) > 0 {
			c.printf(" (%s)", strings.Join(ch.Settings, ", "))
		}
		if ch.LosesMaster {
			c.printf(", gives up Master")
		}
		if ch.With != "" {
			c.printf(" with %s, a member of its sync group", ch.With)
		}
		c.printf("\n")
	}
	if len(p.Changes) == 0 {
		c.printf("No virtual router is affected\n")
	}
	for _, r := range p.Routes {
		c.printf("Static route %s via %s", r.Destination, r.NextHop)
		if r.Metric != 0 {
			c.printf(" metric %d", r.Metric)
		}
		c.printf(": %s\n", r.Change)
	}
	for _, r := range p.Connected {
		c.printf("Connected route %s: %s has no address in it, so group %d adds the route while Master\n", r.Subnet, r.Interface, r.Group)
	}
	if len(p.Settings) > 0 {
		c.printf("Other settings:\n")
	}
	for _, d := range p.Settings {
		c.printf("%s\n", d)
	}
	for _, l := range p.Listeners {
		c.printf("Opens a listener: %s\n", l)
	}
	for _, w := range p.Warnings {
		c.say(0, "Warning: %s", printable.Line(w))
	}
	return nil
}

// totals counts the effects of a commit: ": 2 created, 1 restarted, 1 gives up Master".
func (p *plan) totals() string {
	var parts []string
	kinds := make(map[string]int)
	losses := 0
	for _, ch := range p.Changes {
		kinds[ch.Change]++
		if ch.LosesMaster {
			losses++
		}
	}
	for _, kind := range []engine.ChangeKind{engine.Created, engine.ChangedInPlace, engine.Restarted, engine.Removed} {
		if n := kinds[kind.String()]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, kind))
		}
	}
	switch {
	case losses == 1:
		parts = append(parts, "1 gives up Master")
	case losses > 1:
		parts = append(parts, fmt.Sprintf("%d give up Master", losses))
	}
	if n := len(p.Routes); n > 0 {
		parts = append(parts, plural(n, "static route"))
	}
	if n := changesIn(p.Settings); n > 0 {
		parts = append(parts, plural(n, "other change"))
	}
	if n := len(p.Warnings); n > 0 {
		parts = append(parts, plural(n, "warning"))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// opened returns the listeners in the configuration "to" that are not in the configuration "from". An invalid
// configuration opens no listeners.
func opened(from, to *conf.File) []string {
	same := func(k *conf.Key) bool { return conf.SameValue(k.Raw(from), k.Raw(to)) }
	if same(conf.API.Key) && same(conf.ClientAPI.Key) && same(conf.SSHListen.Key) {
		return nil
	}
	was, err := conf.Validate(from, nil)
	if err != nil {
		was = new(conf.Config)
	}
	is, err := conf.Validate(to, nil)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(is.Listeners(), func(l string) bool { return slices.Contains(was.Listeners(), l) })
}

func discard(c *call) error {
	c.session.failedLine = false
	c.restart(commands.NewDraft(c.session.env.Manager.Edit()))
	return nil
}

// restart makes d the candidate. If d lacks the object that the current mode edits, the session leaves that mode.
func (c *call) restart(d *commands.Draft) {
	s := c.session
	s.mu.Lock()
	s.draft = d
	if !d.Exists(s.place) {
		s.place = commands.Place{Mode: completions.Config}
	}
	s.mu.Unlock()
}

// revision returns the configuration revision named by an argument.
func (c *call) revision(argument string) (*conf.File, int, error) {
	n, err := strconv.Atoi(c.step.Value(argument))
	if err != nil {
		return nil, 0, c.step.Misplaced(argument, "not a revision number")
	}
	file, err := c.session.env.Manager.Load(n)
	if errors.Is(err, conf.ErrNoRevision) {
		return nil, 0, c.step.Misplaced(argument, fmt.Sprintf("the history has rollback 0 to %d",
			len(c.session.env.Manager.History())-1))
	}
	return file, n, err
}

func rollback(c *call) error {
	file, n, err := c.revision("revision")
	if err != nil {
		return err
	}
	if n == 0 {
		return discard(c)
	}
	c.restart(commands.Based(c.session.draft.Base(), file))
	return nil
}

// format returns the format implied by a file name, or else the router's format.
func (c *call) format(name string) conf.Format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		return conf.JSON
	case ".toml":
		return conf.TOML
	default:
		return c.session.env.Format
	}
}

func saveCandidate(c *call) error {
	name, err := filepath.Abs(c.step.Value("file"))
	if err != nil {
		return err
	}
	data, err := conf.Marshal(c.session.draft.File(), c.format(name))
	if err != nil {
		return err
	}
	if err := conf.WriteFile(name, data); err != nil {
		return failed("Cannot save: %v", err)
	}
	c.printf("%d bytes written to %s\n", len(data), name)
	return nil
}

// rebase applies the candidate's changes to the running configuration.
func rebase(c *call) error {
	s := c.session
	now := s.env.Manager.Edit()
	if s.draft.Base().ID == now.Base.ID {
		c.printf("The candidate is based on the running configuration\n")
		return nil
	}
	c.progress("merging")
	choice := commands.Undecided
	switch {
	case c.step.Has("ours"):
		choice = commands.Ours
	case c.step.Has("theirs"):
		choice = commands.Theirs
	}
	var asking error
	result, conflicts := s.draft.Rebase(now, func(conflict string) commands.Choice {
		if choice == commands.Undecided && c.interactive() && asking == nil && c.next == nil {
			var answer string
			answer, asking = c.choose(conflict+": ours, theirs or cancel?", "ours", "theirs", "cancel")
			switch answer {
			case "ours":
				return commands.Ours
			case "theirs":
				return commands.Theirs
			}
			asking = cmp.Or(asking, errCancelled)
		}
		return choice
	})
	switch {
	case asking != nil && !errors.Is(asking, errCancelled):
		return asking
	case len(conflicts) > 0:
		return &failure{Locked, "Others changed the same settings, nothing was done:\n" + strings.Join(conflicts, "\n") +
			"\n\"rebase ours\" takes the values of this candidate, \"rebase theirs\" those that run"}
	}
	c.restart(result)
	c.printf("The candidate is now based on commit %d\n", now.Base.ID)
	return nil
}

// errCancelled ends the questions of a command.
var errCancelled = errors.New("cancelled")
