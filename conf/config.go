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
	// Metrics tells whether the API serves metrics.
	Metrics bool
	// Warnings say what is legal but probably not meant.
	Warnings []string
}

// General is the top level of the file.
type General struct {
	Debug         int
	TimeZone      string
	TimeFormat    string
	PID           string // "" when not set: none in the foreground
	WorkingDir    string
	MainLog       string // "" when not set: standard error in the foreground
	ErrorLog      string // "" when disabled
	Hostname      string
	ControlSocket string
	StateDir      string
}

// APIConfig is the [api] table.
type APIConfig struct {
	Enabled bool   // a TCP listener is wanted
	Host    string // address and port
	Users   Users
	Secret  string // "" for a random one
	TLS     bool
	TLSKey  string
	TLSCert string
}

// Listeners says what can be reached over the network under a configuration, and what of it is not encrypted.
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

// SSHConfig is the [ssh] table. Its users are those of the API.
type SSHConfig struct {
	Listen         string // address and port; "": no SSH server
	AuthorizedKeys string // path, with %u for the user and %% for a percent sign
	HostKey        string // path
}

// RealtimeConfig is the [realtime] table.
type RealtimeConfig struct {
	Priority   int // of the engine's loop among real-time threads, 1-99; 0: it is not one
	LockMemory bool
}
