// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

const (
	// MaxFileSize is the size in bytes of the largest configuration file that is read. Ten
	// thousand virtual routers need about a quarter of it.
	MaxFileSize = 16 << 20
	// maxDepth is how deep values may nest. No key needs more than three levels; the limit
	// keeps hostile input off the stack.
	maxDepth = 32
	// maxValues is how many keys, tables and list elements a file may have, and maxTables how many tables a list. They bound
	// the time and the memory that a file costs.
	maxValues = 1 << 19
	maxTables = 1 << 16
	// maxFaults is how many faults of a configuration are told.
	maxFaults = 100
)

var (
	tooNested = fmt.Sprintf("values nest deeper than %d levels", maxDepth)
	tooMany   = fmt.Sprintf("there are more than %d values", maxValues)
)

// ReadFile reads and parses a file. The Origin is for Validate. Errors are those of
// reading the file, and Faults.
func ReadFile(path string, format Format) (*File, *Origin, error) {
	data, err := readLimited(path)
	if err != nil {
		return nil, nil, err
	}
	o := &Origin{Name: path, Data: data, Format: format}
	f, err := Parse(path, data, format)
	return f, o, err
}

// readLimited reads a file of at most MaxFileSize bytes.
func readLimited(path string) ([]byte, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(data) > MaxFileSize {
		return nil, Faults{{Place: path, Problem: tooLarge}}
	}
	return data, nil
}

var tooLarge = fmt.Sprintf("is larger than %d MiB", MaxFileSize>>20)

// Parse reads a configuration; name stands for it in faults. The error is Faults: every
// unknown key and wrong type. What could be read is returned beside it, unless the syntax is wrong.
func Parse(name string, data []byte, format Format) (*File, error) {
	o := &Origin{Name: name, Data: data, Format: format}
	f, faults := parse(o)
	if len(faults) > 0 {
		return f, limited(o.place(faults))
	}
	return f, nil
}

// Load is Parse and Validate in one. The error is the Faults of both, in the order of the
// file; unlike after Parse alone, File and Config are nil then.
func Load(name string, data []byte, format Format) (*File, *Config, error) {
	return load(&Origin{Name: name, Data: data, Format: format}, nil, "")
}

func load(o *Origin, running *Config, host Host) (*File, *Config, error) {
	f, faults := parse(o)
	if f == nil {
		return nil, nil, o.place(faults)
	}
	v := newValidator(f, running, host)
	for _, fault := range faults {
		v.known[fault.Path] = true
	}
	cfg := v.config()
	if faults = append(faults, v.faults...); len(faults) > 0 {
		return nil, nil, limited(o.place(faults))
	}
	cfg.Warnings = v.warnings
	return f, cfg, nil
}

// parse returns nil and one fault when the syntax is wrong.
func parse(o *Origin) (*File, []Fault) {
	if len(o.Data) > MaxFileSize {
		return nil, []Fault{{Problem: tooLarge}}
	}
	var raw map[string]any
	var fault *Fault
	if o.Format == JSON {
		raw, fault = parseJSON(o.Data)
	} else {
		raw, fault = parseTOML(o.Data)
	}
	if fault != nil {
		return nil, []Fault{*fault}
	}
	f := NewFile()
	d := &decoder{}
	d.table(raw, f, "")
	return f, d.faults
}

func parseTOML(data []byte) (map[string]any, *Fault) {
	if line, problem := excess(data); line > 0 {
		return nil, &Fault{line: line, Problem: problem}
	}
	var raw map[string]any
	err := toml.Unmarshal(data, &raw)
	if err == nil {
		return raw, nil
	}
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return nil, &Fault{Problem: err.Error()}
	}
	line := max(pe.Position.Line, 1)
	problem := pe.Message
	if mentionsSecret(data, line, pe.LastKey) {
		// The library quotes what it could not read.
		problem = "the value is not written correctly"
	}
	return nil, &Fault{line: line, Problem: syntaxError(strings.TrimSuffix(problem, "."))}
}

// syntaxError begins a problem that a library describes, which may quote a value of any length.
func syntaxError(problem string) string {
	const most = 200
	if len(problem) > most {
		problem = strings.ToValidUTF8(problem[:most], "") + "..."
	}
	return "syntax error: " + problem
}

// mentionsSecret tells whether the text near a syntax error may contain a secret: the last key or
// the line is that of a secret, or a line of a list of users.
func mentionsSecret(data []byte, line int, lastKey string) bool {
	lines := bytes.Split(data, []byte("\n"))
	text := lastKey
	if line <= len(lines) {
		text += " " + string(lines[line-1])
	}
	return strings.Contains(text, "secret") || strings.Contains(text, "users") || strings.Contains(text, "{{")
}

// Origin says what a File was read from: it tells Validate the lines of its keys.
type Origin struct {
	Name   string // of the file
	Data   []byte
	Format Format
}

// place completes faults with their places and puts them in the order of the file.
func (o *Origin) place(faults []Fault) Faults {
	var lines map[string]int
	if o.Format == TOML {
		lines = tomlLines(o.Data)
	}
	for i := range faults {
		f := &faults[i]
		if f.line == 0 && f.Path != "" {
			f.line = lineOf(lines, f.Path)
		}
		f.Place = o.Name
		if f.line > 0 {
			f.Place = fmt.Sprintf("%s:%d", o.Name, f.line)
		}
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.line, b.line) })
	return faults
}

// lineOf returns the line of a key, or of the closest table around it that has one.
func lineOf(lines map[string]int, path string) int {
	for path != "" {
		if line, ok := lines[path]; ok {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0
}
