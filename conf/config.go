// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"vrrpsh/engine"
)

// Config is a validated configuration: every value is set and legal.
type Config struct {
	General General
	Engine  engine.Config
	API     APIConfig
	SSH     SSHConfig
	// Realtime is the [realtime] table.
	Realtime RealtimeConfig
	// Metrics reports whether the API serves metrics.
	Metrics bool
	// Warnings describe what is valid but probably a mistake.
	Warnings []string
}

// General is the top level of the file.
type General struct {
	Debug         int
	TimeZone      string
	TimeFormat    string
	PID           string // "" if unset: no file in the foreground
	WorkingDir    string
	MainLog       string   // "" if unset: standard error in the foreground
	ErrorLog      string   // "" if disabled
	LogHosts      []string // URLs with a port
	LogTLSCA      string   // "": the system's
	Hostname      string
	Banner        []string // lines
	Aliases       []Alias
	ControlSocket string
	StateDir      string
}

// APIConfig is the [api] table.
type APIConfig struct {
	Enabled bool   // listen on TCP
	Host    string // address and port
	Users   Users
	// Plain and CommitOnEnd are the users whose sessions have this option.
	Plain, CommitOnEnd []string
	Secret             string // "": random
	TLS                bool
	TLSKey             string
	TLSCert            string
}

// Listeners describes what a configuration makes reachable over the network, and which of it is not
// encrypted.
func (c *Config) Listeners() []string {
	var list []string
	if c.API.Enabled {
		if c.API.TLS {
			list = append(list, "HTTPS API on "+c.API.Host)
		} else {
			list = append(list, "HTTP API on "+c.API.Host+", without TLS")
		}
	}
	if c.SSH.Listen != "" {
		list = append(list, "SSH server on "+c.SSH.Listen)
	}
	return list
}

// SSHConfig is the [ssh] table. The API's users are the SSH users.
type SSHConfig struct {
	Listen         string // address and port; "": no SSH server
	AuthorizedKeys string // path, with %u for the user and %% for a percent sign
	HostKey        string // path
}

// RealtimeConfig is the [realtime] table.
type RealtimeConfig struct {
	Priority   int // real-time priority of the engine's loop, 1-99; 0: no real-time scheduling
	LockMemory bool
}
