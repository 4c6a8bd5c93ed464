package shell

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// writeConfig shows a configuration as the command asks for it.
func (c *call) writeConfig(file *conf.File) error {
	switch {
	case c.step.Has("toml"):
		return c.writeFile(file, conf.TOML)
	case c.step.Has("json"):
		return c.writeFile(file, conf.JSON)
	}
	renderFile(c.out, fileDraft(file), hide)
	return nil
}

func (c *call) writeFile(file *conf.File, format conf.Format) error {
	data, err := conf.Marshal(file.Redacted(), format)
	if err != nil {
		return err
	}
	_, err = c.out.Write(data)
	return err
}

// configData is a configuration as a JSON file, for the JSON pipe.
func configData(file *conf.File) (any, error) {
	data, err := conf.Marshal(file.Redacted(), conf.JSON)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(bytes.TrimSpace(data)), nil
}

// configHandler shows one of the configurations.
func configHandler(file func(*call) (*conf.File, error)) handler {
	return handler{
		run: func(c *call) error {
			f, err := file(c)
			if err != nil {
				return err
			}
			return c.writeConfig(f)
		},
		data: func(c *call) (any, error) {
			f, err := file(c)
			if err != nil {
				return nil, err
			}
			return configData(f)
		},
	}
}

func runningFile(c *call) (*conf.File, error) { return c.session.env.Manager.Running().File, nil }

func startupFile(c *call) (*conf.File, error) {
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
	return file, nil
}

// candidateFile is the candidate, or outside configure mode what one would begin with.
func candidateFile(c *call) (*conf.File, error) {
	if d := c.session.draft; d != nil {
		return d.file, nil
	}
	return runningFile(c)
}

func revisionFile(c *call) (*conf.File, error) {
	file, _, err := c.revision()
	return file, err
}

// showHere shows the candidate's part that the mode edits.
func showHere(c *call) error {
	s := c.session
	switch s.mode {
	case completions.ConfigIf:
		c.printf("interface %s\n", s.iface)
		for i, k := range s.draft.keys() {
			if k.Interface == s.iface {
				renderRouter(c.out, s.draft, i, hide)
			}
		}
	case completions.ConfigRouter:
		c.printf("interface %s\n", s.router.Interface)
		if i := s.draft.find(s.router); i >= 0 {
			renderRouter(c.out, s.draft, i, hide)
		}
	default:
		renderFile(c.out, s.draft, hide)
	}
	return nil
}

// changes compares the candidate with a configuration.
func (c *call) changes(with *conf.File) []delta {
	d := c.session.draft
	if d == nil {
		return []delta{}
	}
	list := compareDrafts(fileDraft(with), d)
	if list == nil {
		list = []delta{}
	}
	return list
}

func changesHandler(with func(*call) (*conf.File, error)) handler {
	return handler{
		run: func(c *call) error {
			file, err := with(c)
			if err != nil {
				return err
			}
			list := c.changes(file)
			for _, d := range list {
				c.printf("%s\n", d)
			}
			if len(list) == 0 && c.io.Ask != nil {
				c.printf("No changes\n")
			}
			return nil
		},
		data: func(c *call) (any, error) {
			file, err := with(c)
			if err != nil {
				return nil, err
			}
			return c.changes(file), nil
		},
	}
}

// CommitRow is one commit as "show history commits" lists it.
type CommitRow struct {
	Revision int       `json:"revision"` // what "rollback" takes: 0 is the running one
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
			strconv.Itoa(r.Revision), strconv.FormatUint(r.Commit, 10), c.session.stamp(r.Time),
			r.User, r.Source, printable(r.Comment),
		})
	}
	return writeTable(c.out, []column{
		right("Revision"), right("Commit"), left("Time"), left("User"), left("Source"), left("Comment"),
	}, rows)
}
