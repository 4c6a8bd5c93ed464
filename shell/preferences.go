// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"vrrpsh/conf"
)

// Limits of the file of preferences, which only this program writes.
const (
	maxPreferences     = 1 << 20 // bytes
	maxPreferringUsers = 1000
)

// Preferences are settings of terminals that each user finds again in the next session. They are kept in a file. It is safe
// for concurrent use.
type Preferences struct {
	path string

	mu    sync.Mutex
	users map[string]preference
}

// preference holds what differs from the defaults.
type preference struct {
	NoSuggestions bool `json:"no_suggestions,omitempty"`
}

// OpenPreferences reads a file of preferences, which need not exist. If that fails, it returns the error and preferences
// without what the file had.
func OpenPreferences(path string) (*Preferences, error) {
	p := &Preferences{path: path, users: make(map[string]preference)}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxPreferences))
	if err != nil {
		return p, err
	}
	users := make(map[string]preference)
	if err := json.Unmarshal(data, &users); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	p.users = users
	return p, nil
}

// suggestions tells whether a user wants suggestions.
func (p *Preferences) suggestions(user string) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.users[user].NoSuggestions
}

// setSuggestions remembers whether a user wants suggestions.
func (p *Preferences) setSuggestions(user string, on bool) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.users[user]
	now := was
	now.NoSuggestions = !on
	if now == was {
		return nil
	}
	if _, known := p.users[user]; !known && len(p.users) >= maxPreferringUsers {
		return fmt.Errorf("there are preferences of %d users", maxPreferringUsers)
	}
	p.put(user, now)
	data, err := json.MarshalIndent(p.users, "", " ")
	if err == nil {
		err = conf.WriteFile(p.path, append(data, '\n'))
	}
	if err != nil {
		p.put(user, was)
	}
	return err
}

// put stores a user's preference, unless it is the default.
func (p *Preferences) put(user string, v preference) {
	if v == (preference{}) {
		delete(p.users, user)
	} else {
		p.users[user] = v
	}
}
