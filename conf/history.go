// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// HistorySize is how many revisions are kept: the running one and a hundred before it.
const HistorySize = 101

// maxHeader is the maximum length in bytes of the first line of a revision file.
const maxHeader = 64 << 10

// revisionFile is the name of a revision's file: its number and format.
var (
	revisionFile  = regexp.MustCompile(`^([0-9]{8,20})\.(toml|json)$`)
	revisionExtra = regexp.MustCompile(`^\.[0-9]{8,20}\.(toml|json)([0-9]+|\.vrrpsh-new)$`) // left by a crash
)

// digest identifies the content of a file.
type digest [sha256.Size]byte

// header is the first line of a revision file, after "# ". The configuration follows byte for byte.
type header struct {
	Revision uint64    `json:"revision"`
	Time     time.Time `json:"time"`
	User     string    `json:"user,omitempty"`
	Source   string    `json:"source,omitempty"`
	Comment  string    `json:"comment,omitempty"`
	SHA256   string    `json:"sha256"`
}

// entry is one revision of the history.
type entry struct {
	rev    *Revision // without File and Config
	format Format
	sum    digest
	name   string // of its file; empty if not yet written
	data   []byte // nil once the file is written
}

// history keeps revisions, oldest first. With a directory, each revision is a file there, mode
// 0600, and memory holds only its description. It is not safe for concurrent use.
type history struct {
	disk    Disk
	dir     string // empty: in memory only
	entries []*entry
	last    uint64 // highest number ever seen
}

// openHistory reads dir, and creates it if necessary. A history returned with an error is usable:
// in memory if dir cannot be read, otherwise with the readable files.
func openHistory(disk Disk, dir string) (*history, error) {
	h := &history{disk: disk}
	if dir == "" {
		return h, nil
	}
	// Read existing revisions even if dir is not writable: numbers must never be reused.
	err := makePrivate(disk, dir)
	files, readErr := disk.ReadDir(dir)
	if readErr != nil {
		return h, fmt.Errorf("open history: %w", cmp.Or(err, readErr))
	}
	h.dir = dir
	var problems []error
	if err != nil {
		problems = append(problems, fmt.Errorf("open history: %w", err))
	}
	for _, file := range files {
		name := file.Name()
		match := revisionFile.FindStringSubmatch(name)
		if match == nil {
			if revisionExtra.MatchString(name) {
				problems = append(problems, disk.Remove(filepath.Join(dir, name)))
			}
			continue
		}
		number, err := strconv.ParseUint(match[1], 10, 64)
		if err != nil {
			continue
		}
		h.last = max(h.last, number)
		e, err := readEntry(disk, dir, name, number)
		if err != nil {
			problems = append(problems, fmt.Errorf("commit %d is not readable: %w", number, err))
			continue
		}
		h.entries = append(h.entries, e)
	}
	slices.SortFunc(h.entries, func(a, b *entry) int {
		if a.rev.ID < b.rev.ID {
			return -1
		}
		return 1
	})
	return h, errors.Join(problems...)
}

// makePrivate makes sure that a directory exists and that only its owner can read it.
func makePrivate(disk Disk, dir string) error {
	if err := disk.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := disk.Stat(dir)
	if err == nil && info.Mode().Perm() != 0o700 {
		err = disk.Chmod(dir, 0o700)
	}
	return err
}

// readEntry reads the first line of a revision's file.
func readEntry(disk Disk, dir, name string, number uint64) (*entry, error) {
	f, err := disk.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReaderSize(io.LimitReader(f, maxHeader), 512).ReadBytes('\n')
	if err != nil {
		return nil, errors.New("it has no first line")
	}
	var hd header
	if err := json.Unmarshal(bytes.TrimPrefix(line, []byte("# ")), &hd); err != nil {
		return nil, errors.New("its first line is not a valid description")
	}
	e := &entry{name: name}
	if n, err := hex.Decode(e.sum[:], []byte(hd.SHA256)); err != nil || n != len(e.sum) || hd.Revision != number {
		return nil, errors.New("its first line is not a valid description")
	}
	if filepath.Ext(name) == ".json" {
		e.format = JSON
	}
	e.rev = &Revision{ID: number, Time: hd.Time, User: hd.User, Source: hd.Source, Comment: hd.Comment}
	return e, nil
}

// newest returns the last entry, or nil.
func (h *history) newest() *entry {
	if len(h.entries) == 0 {
		return nil
	}
	return h.entries[len(h.entries)-1]
}

// append adds a revision with the contents of its file, in memory.
func (h *history) append(rev *Revision, data []byte, format Format) {
	e := &entry{format: format, sum: sha256.Sum256(data), data: data}
	e.rev = &Revision{ID: rev.ID, Time: rev.Time, User: rev.User, Source: rev.Source, Comment: rev.Comment}
	h.entries = append(h.entries, e)
	h.last = max(h.last, rev.ID)
}

// save writes the newest revision unless it is on disk. After an error the revision stays in
// memory.
func (h *history) save() error {
	e := h.newest()
	if e.name != "" {
		return nil
	}
	err := h.store(e)
	return errors.Join(err, h.prune())
}

func (h *history) store(e *entry) error {
	if h.dir == "" {
		return nil
	}
	first, err := json.Marshal(header{
		Revision: e.rev.ID, Time: e.rev.Time, User: e.rev.User, Source: e.rev.Source,
		Comment: e.rev.Comment, SHA256: hex.EncodeToString(e.sum[:]),
	})
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	ext := ".toml"
	if e.format == JSON {
		ext = ".json"
	}
	name := fmt.Sprintf("%08d%s", e.rev.ID, ext)
	if err := replaceFile(h.disk, filepath.Join(h.dir, name), slices.Concat([]byte("# "), first, []byte("\n"), e.data), true); err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	e.name, e.data = name, nil
	return nil
}

// prune removes the oldest revisions beyond HistorySize.
func (h *history) prune() error {
	var problems []error
	for len(h.entries) > HistorySize {
		e := h.entries[0]
		if e.name != "" {
			if err := h.disk.Remove(filepath.Join(h.dir, e.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, fmt.Errorf("prune history: %w", err))
			}
		}
		h.entries = h.entries[1:]
	}
	return errors.Join(problems...)
}

// content returns the bytes of a revision as the configuration file had them.
func (h *history) content(e *entry) ([]byte, error) {
	if e.name == "" {
		return e.data, nil
	}
	all, err := readAll(h.disk, filepath.Join(h.dir, e.name))
	if err != nil {
		return nil, fmt.Errorf("read commit %d: %w", e.rev.ID, err)
	}
	_, data, _ := bytes.Cut(all, []byte("\n"))
	if sha256.Sum256(data) != [sha256.Size]byte(e.sum) {
		return nil, fmt.Errorf("read commit %d: its file %s was changed", e.rev.ID, e.name)
	}
	return data, nil
}

// find returns the newest entry with this content, or nil.
func (h *history) find(sum digest) *entry {
	for _, e := range slices.Backward(h.entries) {
		if e.sum == sum {
			return e
		}
	}
	return nil
}
