package shell

import (
	"slices"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// topSettings are the settings of configure mode, in the order in which they are shown.
var topSettings = slices.Concat([]setting{
	text("hostname", "hostname <name:word>", "Name of the router in prompts",
		top(func(f *conf.File) **string { return &f.Hostname }), "name", "Name, up to 63 characters"),
	number("debug", "logging level <level:0-5>", "How much is logged",
		top(func(f *conf.File) **int { return &f.Debug }),
		"level", "0 information, 1 low, 2 medium, 3 high, 5 everything"),
	text("main_log", "logging file <file:file>", "Main log file",
		top(func(f *conf.File) **string { return &f.MainLog })),
	text("error_log", "logging errors <file:file>", "Additional log file for errors; \"disabled\" for none",
		top(func(f *conf.File) **string { return &f.ErrorLog })),
	text("time_zone", "logging time-zone local|utc", "Time zone of timestamps",
		top(func(f *conf.File) **string { return &f.TimeZone }),
		"local", "That of the system", "utc", "Coordinated universal time"),
	text("time_format", "logging time-format disabled|short|rfc2822", "Form of timestamps",
		top(func(f *conf.File) **string { return &f.TimeFormat }),
		"disabled", "The default form", "short", "Short", "rfc2822", "As in mail headers"),
	text("pid", "pid-file <file:file>", "File with the number of the process",
		top(func(f *conf.File) **string { return &f.PID })),
	text("working_dir", "working-directory <directory:file>", "Working directory of the daemon",
		top(func(f *conf.File) **string { return &f.WorkingDir }), "directory", "Directory on the router"),
	text("control_socket", "control-socket <file:file>", "Socket that the shell attaches to",
		top(func(f *conf.File) **string { return &f.ControlSocket })),
	text("state_dir", "state-dir <directory:file>", "Directory of the history of commits and the run state",
		top(func(f *conf.File) **string { return &f.StateDir }), "directory", "Directory on the router"),
	text("client_api", "client-api http|disabled", "Type of the client API",
		top(func(f *conf.File) **string { return &f.ClientAPI }),
		"http", "HTTP or HTTPS", "disabled", "None over TCP"),
	staticRoute,
}, apiSettings, sshSettings, realtimeSettings, metricsSettings)

// subModes are the commands that lead to the settings below configure mode.
var subModes = []completions.Command{
	{
		ID: "interface", Modes: []completions.Mode{completions.Config}, Syntax: "interface <interface:interface>",
		Help: "Configure the virtual routers of an interface", No: "interface <interface:interface>",
		Level: completions.Administrator, Enter: completions.ConfigIf, Setting: true,
	},
	{
		ID: "vrrp", Modes: []completions.Mode{completions.ConfigIf}, Syntax: "vrrp <group:1-255> [ipv6]",
		Help: "Configure a virtual router", No: "vrrp <group:1-255> [ipv6]",
		Words: map[string]string{
			"vrrp": "Configure a virtual router", "group": "Group number (VRID)", "ipv6": "The IPv6 virtual router of the group",
		},
		Level: completions.Administrator, Enter: completions.ConfigRouter, Setting: true,
	},
}
