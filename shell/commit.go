package shell

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

func commit(c *call) error { return c.commitCandidate(c.commitInfo()) }

// commitInfo says who commits and what the command says about it.
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
		if awaited != nil && info.Confirm == 0 {
			return confirm(c)
		}
		c.printf("No changes to commit\n")
		return nil
	}
	s.isConfirming(awaited)
	release := s.holdCommits()
	rev, err := s.env.Manager.Commit(c.ctx, &conf.Candidate{Base: s.draft.base, File: s.draft.file.Clone()}, info)
	release(rev)
	if err != nil {
		s.audit("commit failed", "error", err.Error())
		switch {
		case errors.Is(err, conf.ErrStale):
			return fmt.Errorf("%w\n\"rebase\" carries this candidate over", err)
		case errors.Is(err, conf.ErrFileChanged):
			return fmt.Errorf("%w\n\"commit overwrite\" does it all the same", err)
		}
		return err
	}
	changes := compareDrafts(fileDraft(s.draft.base.File), s.draft)
	s.audit("committed", "revision", rev.ID, "comment", info.Comment, "confirm", info.Confirm, "changes", len(changes))
	for i, d := range changes {
		if i == maxAudited {
			break
		}
		s.audit("change", "revision", rev.ID, "line", d.String())
	}
	s.mu.Lock()
	s.draft = newDraft(&conf.Candidate{Base: rev, File: rev.File.Clone()})
	s.mu.Unlock()
	if awaited != nil {
		c.printf("Commit %d is confirmed\n", awaited.Commit)
	}
	c.printf("Commit %d complete\n", rev.ID)
	if !rev.ConfirmBy.IsZero() {
		c.say(0, "It is taken back in %s, unless \"commit\" or \"confirm\" confirms it", span(rev.ConfirmBy.Sub(s.now())))
	}
	for _, n := range rev.Notes {
		c.say(0, "Note: %s", n)
	}
	if rev.Config != nil {
		for _, w := range rev.Config.Warnings {
			c.say(0, "Warning: %s", w)
		}
		for _, text := range s.env.obstacles(rev.Config.Engine.Routers...) {
			c.say(0, "Warning: a setting of this host is in the way: %s", text)
		}
	}
	return nil
}

// maxAudited limits how many lines of a commit are logged; the history has them all.
const maxAudited = 200

// plan is what "commit check" finds out.
type plan struct {
	Valid   bool         `json:"valid"`
	Changes []planChange `json:"changes"` // of the virtual routers
	Routes  []planRoute  `json:"routes"`
	// Settings are the changes of everything else: tracked objects, notifications, listeners, logging.
	Settings []delta `json:"settings"`
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
	// With is the member of the sync group that takes Master from this one.
	With string `json:"with,omitempty"`
}

// checkCandidate validates the candidate and plans its commit.
func (c *call) checkCandidate() (*plan, error) {
	c.progress("validating the candidate")
	changes, err := c.session.env.Manager.Check(c.session.draft.candidate())
	if err != nil {
		return nil, err
	}
	snapshot, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	masters := make(map[engine.Key]bool)
	for _, r := range snapshot.Routers {
		masters[r.Config.Key] = r.State == vrrp.Master
	}
	p := &plan{Valid: true, Changes: make([]planChange, 0, len(changes)), Settings: []delta{}}
	for _, ch := range changes {
		loses := ch.Resigns && masters[ch.Key]
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
	from, to := &target{file: d.base.File}, &target{file: d.file}
	p.Routes = planRoutes(staticRoutes(from.file), staticRoutes(to.file))
	for i := range topSettings {
		if topSettings[i].id != staticRoute.id {
			p.Settings = appendChanges(p.Settings, topSettings[i:i+1], from, to, 0)
		}
	}
	for _, m := range tableModes {
		p.Settings = m.compare(p.Settings, from.file, to.file)
	}
	return p, nil
}

// planRoutes compares static routes. Destination and metric tell which is which.
func planRoutes(from, to []conf.StaticRoute) []planRoute {
	list := []planRoute{}
	add := func(r *conf.StaticRoute, change string) {
		list = append(list, planRoute{destination(r), valueOf(r.NH), valueOf(r.Metric), change})
	}
	for i := range to {
		switch at := slices.IndexFunc(from, func(r conf.StaticRoute) bool { return sameRoute(&r, &to[i]) }); {
		case at < 0:
			add(&to[i], "added")
		case routeLine(&from[at]) != routeLine(&to[i]):
			add(&to[i], "changed")
		}
	}
	for i := range from {
		if !slices.ContainsFunc(to, func(r conf.StaticRoute) bool { return sameRoute(&r, &from[i]) }) {
			add(&from[i], "removed")
		}
	}
	return list
}

func checkData(c *call) (any, error) { return c.checkCandidate() }

func commitCheck(c *call) error {
	p, err := c.checkCandidate()
	if err != nil {
		return err
	}
	c.printf("The candidate is valid\n")
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
		c.printf("No virtual router is touched\n")
	}
	for _, r := range p.Routes {
		c.printf("Static route %s via %s", r.Destination, r.NextHop)
		if r.Metric != 0 {
			c.printf(" metric %d", r.Metric)
		}
		c.printf(": %s\n", r.Change)
	}
	if len(p.Settings) > 0 {
		c.printf("Other settings:\n")
	}
	for _, d := range p.Settings {
		c.printf("%s\n", d)
	}
	return nil
}

func discard(c *call) error {
	c.restart(newDraft(c.session.env.Manager.Edit()))
	return nil
}

// restart makes d the candidate; the mode of something that it does not have is left.
func (c *call) restart(d *draft) {
	s := c.session
	s.mu.Lock()
	s.draft = d
	s.mu.Unlock()
	m := tableModeOf(s.mode)
	if s.mode == completions.ConfigRouter && d.find(s.router) < 0 || m != nil && m.find(d.file, s.table) == nil {
		s.enter(completions.Config, place{})
	}
}

// revision reads the configuration of the history that an argument names.
func (c *call) revision(argument string) (*conf.File, int, error) {
	n, err := strconv.Atoi(c.step.Value(argument))
	if err != nil {
		return nil, 0, c.misplaced(argument, "not a number of a revision")
	}
	file, err := c.session.env.Manager.Load(n)
	if errors.Is(err, conf.ErrNoRevision) {
		return nil, 0, c.misplaced(argument, fmt.Sprintf("there is no such revision: the history has 0-%d",
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
	d := &draft{base: c.session.draft.base}
	d.replace(file)
	c.restart(d)
	return nil
}

// format tells the format of a file by its name, or else takes the router's.
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

// readFile reads the file that the command names.
func (c *call) readFile() (*conf.File, error) {
	name := c.step.Value("file")
	c.progress("reading " + name)
	if fi, err := os.Stat(name); err == nil && !fi.Mode().IsRegular() { // a pipe may have no other end
		return nil, failed("%s is not a file", name)
	}
	file, _, err := conf.ReadFile(name, c.format(name))
	if err != nil {
		return nil, failed("%v", err)
	}
	return file, nil
}

func loadReplace(c *call) error {
	file, err := c.readFile()
	if err != nil {
		return err
	}
	d := &draft{base: c.session.draft.base}
	d.replace(file)
	c.restart(d)
	return nil
}

func loadMerge(c *call) error {
	file, err := c.readFile()
	if err != nil {
		return err
	}
	d := &draft{base: c.session.draft.base}
	d.replace(c.session.draft.file.Clone())
	mergeFile(d, file)
	c.restart(d)
	return nil
}

func saveCandidate(c *call) error {
	name, err := filepath.Abs(c.step.Value("file"))
	if err != nil {
		return err
	}
	data, err := conf.Marshal(c.session.draft.file, c.format(name))
	if err != nil {
		return err
	}
	if err := conf.WriteFile(name, data); err != nil {
		return failed("Cannot save: %v", err)
	}
	c.printf("%d bytes written to %s\n", len(data), name)
	return nil
}
