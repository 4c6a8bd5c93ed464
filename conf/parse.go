// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

const (
	// MaxFileSize is the maximum size in bytes of a configuration file. Ten thousand virtual
	// routers need about a quarter of it.
	MaxFileSize = 16 << 20
	// maxDepth is the maximum nesting of values. No key needs more than five levels; the limit
	// keeps hostile input from exhausting the stack.
	maxDepth = 8
	// maxValues limits the keys, tables and list elements of a file, and maxTables the tables of a list. They bound the time
	// and the memory needed to read a file. A dotted key counts as many times as it has parts.
	maxValues = 1 << 19
	maxTables = 1 << 16
	// maxPath limits the length of a key with the tables that lead to it, and maxPaths the sum of these lengths over all
	// values: the TOML library makes such a text for each value and keeps it.
	maxPath  = 256
	maxPaths = 32 << 20
	// pipeTimeout is how long a file that is a pipe may take to deliver its content.
	pipeTimeout = 10 * time.Second
	// maxFaults is the maximum number of faults reported for a configuration.
	maxFaults = 100
)

var (
	tooNested = fmt.Sprintf("values nest deeper than %d levels", maxDepth)
	tooMany   = fmt.Sprintf("there are more than %d values", maxValues)
	tooLong   = fmt.Sprintf("a key is longer than %d bytes with the tables that lead to it", maxPath)
	tooWordy  = fmt.Sprintf("the keys of all values, each with the tables that lead to it, are longer than %d MiB in all", maxPaths>>20)
)

// extent is how much of a file has been read. It bounds time and memory.
type extent struct {
	values int // keys, tables and list elements
	paths  int // the length of their paths
}

// add counts a value with a path of this length and returns the limit that is exceeded, if any.
func (e *extent) add(path, depth int) (problem string) {
	e.values++
	e.paths += path
	switch {
	case depth > maxDepth:
		return tooNested
	case path > maxPath:
		return tooLong
	case e.values > maxValues:
		return tooMany
	case e.paths > maxPaths:
		return tooWordy
	default:
		return ""
	}
}

// ReadFile reads and parses a file. The Origin is for Validate. Errors are errors reading the file,
// and Faults.
func ReadFile(path string, format Format) (*File, *Origin, error) {
	data, err := readLimited(osDisk{}, path)
	if err != nil {
		return nil, nil, err
	}
	o := &Origin{Name: path, Data: data, Format: format}
	f, err := Parse(path, data, format)
	return f, o, err
}

// readLimited reads a file of at most MaxFileSize bytes.
func readLimited(d Disk, path string) ([]byte, error) {
	r, err := d.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if info, err := r.Stat(); err == nil && len(data) == 0 && info.Mode()&fs.ModeNamedPipe != 0 {
		return nil, fmt.Errorf("read configuration: %s: a pipe with nothing to read", path)
	}
	if len(data) > MaxFileSize {
		return nil, Faults{{Place: path, Problem: tooLarge}}
	}
	return data, nil
}

var tooLarge = fmt.Sprintf("is larger than %d MiB", MaxFileSize>>20)

// Parse reads a configuration; name is the file name in faults. The error is Faults: every unknown
// key and wrong type. Parse also returns the keys that it could read, unless the syntax is wrong.
func Parse(name string, data []byte, format Format) (*File, error) {
	o := &Origin{Name: name, Data: data, Format: format}
	f, faults := parse(o)
	if len(faults) > 0 {
		return f, limited(o.place(faults))
	}
	return f, nil
}

// Load is Parse and Validate in one. The error is the Faults of both, in the order of the file;
// unlike with Parse, File and Config are nil after an error.
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
	if line, problem := excess(data); problem != "" {
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
		// The library would quote the secret.
		problem = "the value has a syntax error"
	}
	problem = syntaxError(strings.TrimSuffix(problem, "."))
	if text := bytes.TrimSpace(bytes.TrimPrefix(data, byteOrderMark)); bytes.HasPrefix(text, []byte("{")) {
		problem += " (a file in JSON needs the name NAME.json, or the format json: -g json)"
	}
	return nil, &Fault{line: line, Problem: problem}
}

// syntaxError prefixes a problem reported by a library, which may quote a value of any length.
func syntaxError(problem string) string {
	const most = 200
	if len(problem) > most {
		problem = strings.ToValidUTF8(problem[:most], "") + "..."
	}
	return "syntax error: " + problem
}

// mentionsSecret reports whether the text near a syntax error may contain a secret: the last key is
// a secret, the line sets one, or the line belongs to a users list.
func mentionsSecret(data []byte, line int, lastKey string) bool {
	text := lastKey
	for l := range bytes.SplitSeq(data, []byte("\n")) {
		if line--; line == 0 {
			text += " " + string(l)
			break
		}
	}
	return strings.Contains(text, "secret") || strings.Contains(text, "users") || strings.Contains(text, "{{")
}

// Origin is the source of a File: Validate takes the lines of keys from it.
type Origin struct {
	Name   string // of the file
	Data   []byte
	Format Format
}

// place adds the places to faults and sorts them in the order of the file.
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

// lineOf returns the line of a key, or of the closest enclosing table that has one.
func lineOf(lines map[string]int, path string) int {
	for path != "" {
		for _, at := range []string{path, nth(path, 0)} { // an unknown key may be a list of tables
			if line, ok := lines[at]; ok {
				return line
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0
}
