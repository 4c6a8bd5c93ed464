// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"errors"
	"fmt"
	"strings"
)

// Errors for errors.Is.
var (
	// ErrRejected is in every error for a configuration that cannot run: it is invalid (Faults), or
	// could not be applied or written (ApplyError).
	ErrRejected = errors.New("configuration rejected")
	// ErrStale means that the running configuration is no longer the candidate's base (StaleError).
	ErrStale = errors.New("another configuration was committed meanwhile")
	// ErrFileChanged means that the configuration file has changed since the Manager read or wrote
	// it (FileChangedError).
	ErrFileChanged = errors.New("the configuration file was changed by hand")
	// ErrNoRevision means that the history does not go back that far.
	ErrNoRevision = errors.New("no such revision")
)

// Fault is one error in a configuration.
type Fault struct {
	// Place is the position: "r1.toml:14", or the file name alone if the line is not known; empty for a candidate, which has no
	// file.
	Place string
	// Path is the key with the tables that lead to it, such as "vrouter[0].priority".
	Path string
	// Value is the wrong value as a user would type it; empty if there is none or it is secret.
	Value string
	// Problem describes the error and the correct form.
	Problem string
	// Typed is the fault in the words of the command line, as in "eth0 group 51: priority 300 is out of range 1-254";
	// empty if no command could have caused it.
	Typed string

	line int
}

// String returns for example "r1.toml:14: vrouter[0].priority: 300 is out of range 1-254", or Typed for a candidate.
func (f Fault) String() string {
	if f.Place == "" && f.Typed != "" {
		return f.Typed
	}
	var b strings.Builder
	for _, part := range []string{f.Place, f.Path} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	if f.Value != "" {
		b.WriteString(f.Value)
		b.WriteByte(' ')
	}
	b.WriteString(f.Problem)
	return b.String()
}

// Faults is the error for an invalid configuration: all faults in the order of the file. errors.Is
// finds ErrRejected in it.
type Faults []Fault

// Error returns one line per fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// limited keeps the first faults and adds a note about the rest.
func limited(faults Faults) Faults {
	if len(faults) <= maxFaults {
		return faults
	}
	return append(faults[:maxFaults:maxFaults], Fault{Problem: fmt.Sprintf("there are more faults than these %d", maxFaults)})
}

// Is reports ErrRejected.
func (f Faults) Is(target error) bool { return target == ErrRejected }

// ApplyError is the error of a commit that was valid but failed. The old configuration is running
// again unless Restore is set.
type ApplyError struct {
	// Step is the step that failed: "note" (recording what an unconfirmed commit rolls back to),
	// "try" (by Check), "apply" or "write".
	Step string
	Part string // the Name of the part that failed, for "try" and "apply"
	Err  error
	// Restore is set if restoring the old configuration failed too.
	Restore error
}

// Error returns the step, the reason, and whether the old configuration runs again.
func (e *ApplyError) Error() string {
	if e.Step == "try" {
		return fmt.Sprintf("the commit would fail: %v", e.Err)
	}
	s := fmt.Sprintf("cannot apply the configuration: %v", e.Err)
	if e.Step == "write" {
		s = fmt.Sprintf("cannot write the configuration file: %v", e.Err)
	}
	if e.Restore != nil {
		return fmt.Sprintf("%s; restoring the running configuration failed too: %v", s, e.Restore)
	}
	s += "; the running configuration is unchanged"
	var refused *RefusedFileError
	if errors.As(e.Err, &refused) {
		return fmt.Sprintf("%s, but %s has the refused one, which the next start would run: it could not be restored: %v", s, refused.Path, refused.Undo)
	}
	return s
}

// Unwrap returns the reasons.
func (e *ApplyError) Unwrap() []error {
	if e.Restore != nil {
		return []error{ErrRejected, e.Err, e.Restore}
	}
	return []error{ErrRejected, e.Err}
}

// RefusedFileError means that the configuration file may still contain a refused configuration: the write failed,
// and so did restoring the old content.
type RefusedFileError struct {
	Path string
	Err  error // of the write
	Undo error // of restoring the old content
}

// Error returns the error of the write; ApplyError adds the rest.
func (e *RefusedFileError) Error() string { return e.Err.Error() }

// Unwrap returns the reasons.
func (e *RefusedFileError) Unwrap() []error { return []error{e.Err, e.Undo} }

// StaleError is the error of a commit whose base is no longer the running configuration.
type StaleError struct {
	// Base is the candidate's base, Running the running revision.
	Base, Running *Revision
}

// Error names the user who committed since.
func (e *StaleError) Error() string {
	by := ""
	if e.Running.User != "" {
		by = " by " + e.Running.User
	}
	return fmt.Sprintf("commit %d%s is newer than commit %d, from which this candidate was made", e.Running.ID, by, e.Base.ID)
}

// Is finds ErrStale.
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// FileChangedError is the error of a commit that would overwrite changes made to the file by hand.
// Info.Overwrite allows the commit.
type FileChangedError struct {
	Path string
}

// Error names the file.
func (e *FileChangedError) Error() string {
	return fmt.Sprintf("%s was changed since it was last read or written here: a commit would overwrite the change", e.Path)
}

// Is finds ErrFileChanged.
func (e *FileChangedError) Is(target error) bool { return target == ErrFileChanged }
