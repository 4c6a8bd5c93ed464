// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"vrrpsh/conf"
	"vrrpsh/conf/commands"
	"vrrpsh/platform/printable"
)

// writeConfig writes a configuration in the format that the command requests.
func (c *call) writeConfig(d *commands.Draft) error {
	if format, asFile := c.fileFormat(); asFile {
		return c.writeFile(d.File().Redacted(), format)
	}
	d.Write(c.out, commands.Hide)
	return nil
}

// fileFormat returns the format of a file that the command requests. asFile is false if it requests commands.
func (c *call) fileFormat() (format conf.Format, asFile bool) {
	switch {
	case c.step.Has("toml"):
		return conf.TOML, true
	case c.step.Has("json"):
		return conf.JSON, true
	default:
		return format, false
	}
}

// writeFile writes a configuration as a file, with the secrets that it has.
func (c *call) writeFile(file *conf.File, format conf.Format) error {
	data, err := conf.Marshal(file, format)
	if err != nil {
		return err
	}
	_, err = c.out.Write(data)
	return err
}

// configData returns a configuration in its JSON file format, for the JSON pipe.
func configData(file *conf.File) (any, error) {
	data, err := conf.Marshal(file.Redacted(), conf.JSON)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(bytes.TrimSpace(data)), nil
}

// configuration returns the configuration that a command names.
type configuration func(*call) (*commands.Draft, error)

// configHandler returns a handler that shows a configuration.
func configHandler(which configuration) handler {
	return handler{
		run: func(c *call) error {
			d, err := which(c)
			if err != nil {
				return err
			}
			return c.writeConfig(d)
		},
		data: func(c *call) (any, error) {
			d, err := which(c)
			if err != nil {
				return nil, err
			}
			return configData(d.File())
		},
	}
}

func running(c *call) (*commands.Draft, error) {
	return commands.Of(c.session.env.Manager.Running().File), nil
}

func startup(c *call) (*commands.Draft, error) {
	env := c.session.env
	if env.Path == "" {
		return nil, failed("This router has no configuration file")
	}
	file, _, err := conf.ReadFile(env.Path, env.Format)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrNotExist) {
		return nil, failed("%s does not exist", env.Path)
	}
	if err != nil {
		return nil, failed("%v", err)
	}
	return commands.Of(file), nil
}

// candidate is shownDraft as a configuration.
func candidate(c *call) (*commands.Draft, error) { return c.session.shownDraft(), nil }

// revision returns the revision that an argument names, or the candidate if the argument is missing.
func revision(argument string) configuration {
	return func(c *call) (*commands.Draft, error) {
		if _, given := c.step.Arg(argument); !given {
			return candidate(c)
		}
		file, _, err := c.revision(argument)
		if err != nil {
			return nil, err
		}
		return commands.Of(file), nil
	}
}

// base returns what the candidate's changes count from: its own base, even if another configuration runs since.
func base(c *call) (*commands.Draft, error) {
	s := c.session
	if s.draft == nil {
		return running(c)
	}
	from, now := s.draft.Base(), s.env.Manager.Running()
	if from.ID != now.ID && !from.File.Equal(now.File) {
		c.note("Compared with commit %d, from which this candidate was made. Commit %d runs since: \"rebase\" carries the changes over", from.ID, now.ID)
	}
	return commands.Of(from.File), nil
}

// before returns the revision before the one that an argument names. Before the oldest stored revision, the
// configuration is empty.
func before(argument string) configuration {
	return func(c *call) (*commands.Draft, error) {
		_, n, err := c.revision(argument)
		if err != nil {
			return nil, err
		}
		file, err := c.session.env.Manager.Load(n + 1)
		if errors.Is(err, conf.ErrNoRevision) {
			return commands.Of(conf.NewFile()), nil
		}
		if err != nil {
			return nil, err
		}
		return commands.Of(file), nil
	}
}

// revisionHandler shows a revision or, with "changes", what it changed.
func revisionHandler(whole, changes handler) handler {
	of := func(c *call) handler {
		if c.step.Has("changes") {
			return changes
		}
		return whole
	}
	return handler{
		run:  func(c *call) error { return of(c).run(c) },
		data: func(c *call) (any, error) { return of(c).data(c) },
	}
}

// showHere shows the part of the candidate that the current mode edits.
func showHere(c *call) error {
	s := c.session
	s.draft.WritePlace(c.out, s.place, commands.Hide)
	return nil
}

// changesHandler shows the changes from one configuration to another.
func changesHandler(from, to configuration) handler {
	both := func(c *call) (a, b *commands.Draft, err error) {
		if a, err = from(c); err == nil {
			b, err = to(c)
		}
		return a, b, err
	}
	return handler{
		run: func(c *call) error {
			a, b, err := both(c)
			if err != nil {
				return err
			}
			list := commands.Compare(a, b)
			for _, d := range list {
				c.printf("%s\n", d)
			}
			for _, l := range opened(a.File(), b.File()) {
				c.printf("! opens a listener: %s\n", l)
			}
			if len(list) == 0 {
				c.advise("No changes")
			}
			return nil
		},
		data: func(c *call) (any, error) {
			a, b, err := both(c)
			if err != nil {
				return nil, err
			}
			if list := commands.Compare(a, b); list != nil {
				return list, nil
			}
			return []commands.Delta{}, nil
		},
	}
}

// CommitRow is one commit in "show history commits".
type CommitRow struct {
	Revision int       `json:"revision"` // the argument of "rollback": 0 is the running configuration
	Commit   uint64    `json:"commit"`
	Time     time.Time `json:"time"`
	User     string    `json:"user"`
	Source   string    `json:"source"`
	Comment  string    `json:"comment"`
}

func commitRows(c *call) []CommitRow {
	history := c.session.env.Manager.History()
	rows := make([]CommitRow, len(history))
	for i, r := range history {
		rows[i] = CommitRow{
			Revision: i, Commit: r.ID, Time: r.Time, User: r.User, Source: r.Source, Comment: r.Comment,
		}
	}
	return rows
}

func showCommits(c *call) error {
	var rows [][]string
	for _, r := range commitRows(c) {
		rows = append(rows, []string{
			strconv.FormatUint(r.Commit, 10), strconv.Itoa(r.Revision), c.session.stamp(r.Time),
			r.User, r.Source, printable.Line(r.Comment),
		})
	}
	err := c.table([]column{
		right("Commit"), right("Rollback"), left("Time"), left("User"), left("Source"), left("Comment"),
	}, rows)
	if err == nil {
		c.advise("\"rollback N\" loads a configuration, \"show configuration revision N changes\" shows what its commit changed; N is in the column Rollback")
	}
	return err
}
