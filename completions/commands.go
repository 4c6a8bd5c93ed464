// SPDX-License-Identifier: GPL-3.0-only

package completions

var (
	anyMode     = append([]Mode{Exec}, configModes...)
	configModes = []Mode{Config, ConfigIf, ConfigRouter, ConfigTrack, ConfigNotify}
	execMode    = []Mode{Exec}
	pipeMode    = []Mode{Pipe}
)

// Commands returns the commands that are not settings: those of exec mode, those
// that move through the configuration and commit it, and the pipes.
func Commands() []Command {
	var all []Command
	for _, list := range [][]Command{showCommands, operateCommands, labCommands, configureCommands, pipeCommands} {
		all = append(all, list...)
	}
	return all
}

// Topics returns the help of words that begin several commands, and of values by name.
func Topics() map[string]string { return topics }

var topics = map[string]string{
	"show":               "Show the state of the router and its configuration",
	"show vrrp":          "Virtual routers",
	"show ip":            "Routing",
	"ip":                 "Routing",
	"show history":       "Past commits",
	"show configuration": "Past configurations",
	"clear":              "Reset counters",
	"clear vrrp":         "Virtual routers",
	"vrrp":               "Operate virtual routers",
	"terminal":           "Set up this terminal",
	"no":                 "Remove or switch off",
	"debug":              "Show packets or events",
	"monitor":            "Live displays",
	"undebug":            "Stop debugging",
	"debug vrrp":         "Virtual routers",
	"no debug":           "Stop debugging",
	"no debug vrrp":      "Virtual routers",
	"terminal no":        "Switch off",
	"commit":             "Make the candidate the running configuration",
	"compare":            "Compare configurations",
	"load":               "Read a configuration file into the candidate",
	"lab":                "Operate the simulated network",
	"api":                "HTTP API",
	"api user":           "User of the API and the shell",
	"logging":            "Log files and the format of their lines",
	"timers":             "Protocol timers",
	"track":              "Object that virtual routers depend on",
	"notify":             "Run programs for events",
	"unicast":            "Unicast adverts instead of multicast",
	"garp":               "Announcements of the virtual addresses",
	"interface":          "Interface",

	// Words that only other systems have.
	"copy":                      "Where the configuration is saved",
	"set":                       "Set up this terminal",
	"set cli":                   "Set up this terminal",
	"set terminal":              "Set up this terminal",
	"show configuration commit": "Past commits",
	"show static":               "Static routes",
	"write":                     "Where the configuration is saved",
	"display":                   "In another form",
	"show system":               "Commits, users, uptime",
	"monitor traffic":           "VRRP packets",

	"<interface>": "Name of an interface",
	"<group>":     "Group number (VRID)",
	"<revision>":  "Revision number: 0 is the running configuration, 1 the one before",
	"<file>":      "File on the router",
	"<router>":    "Router of the lab",
	"<regexp>":    "Regular expression (RE2)",
}

var selection = map[string]string{
	"interface": "Only this interface",
	"group":     "Only this group",
}

func with(base map[string]string, more ...string) map[string]string {
	m := make(map[string]string, len(base)+len(more)/2)
	for k, v := range base {
		m[k] = v
	}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

var forms = map[string]string{
	"toml": "In the format of the file (TOML)",
	"json": "In the format of the file (JSON)",
}

var showCommands = []Command{
	{ID: "show.vrrp", Modes: anyMode,
		Syntax: "show vrrp [brief|detail|statistics|history|explain] [interface <interface>] [group <group:1-255>]",
		Also: []string{
			"show vrrp <group:1-255> [brief|detail|statistics|history|explain]",
			"show vrrp <interface> [<group:1-255>] [brief|detail|statistics|history|explain]",
			"show vrrp interface <interface> <group:1-255> [brief|detail|statistics|history|explain]",
			"show vrrp all|summary|extensive [<interface>]",
			"show vrrp all|summary|extensive interface <interface> [group <group:1-255>]",
			"show vrrp brief all",
		},
		Help: "State of the virtual routers: everything, or one line each (brief), counters, transitions, or why each is in its state (explain)",
		Words: with(selection,
			"vrrp", "Virtual routers",
			"brief", "One line each", "summary", "One line each",
			"all", "Everything", "extensive", "Everything",
			"detail", "Everything (the default)",
			"statistics", "Counters",
			"history", "The last transitions and their causes",
			"explain", "Why each is in its state, and what would change that")},
	{ID: "show.interfaces", Modes: anyMode, Syntax: "show interfaces [<interface>]",
		Also: []string{
			"show interfaces brief|status|description|terse|summary", "show ip interface [brief]", "show ipv6 interface [brief]",
		},
		Words: map[string]string{
			"brief": "One line each", "status": "One line each", "description": "One line each", "terse": "One line each",
			"summary": "One line each", "ipv6": "Interfaces with their addresses",
		},
		Help: "Interfaces of the host"},
	{ID: "show.ip.route", Modes: anyMode, Syntax: "show ip route", Also: []string{"show route [static]", "show ip route static", "show static routes"},
		Words: map[string]string{"static": "Static routes", "routes": "Static routes"},
		Help:  "Static routes, and which of them are installed"},
	{ID: "show.track", Modes: anyMode, Syntax: "show track", Also: []string{"show track brief", "show vrrp track"},
		Help: "Tracked objects: their state, the reason, and the virtual routers that depend on them"},
	{ID: "show.running", Modes: anyMode, Syntax: "show running-config [toml|json]", Words: forms, Also: []string{"write terminal"},
		Help: "Running configuration, as commands or as a file; secrets are masked"},
	{ID: "show.running.if", Modes: anyMode, Syntax: "show running-config interface <interface>",
		Words: map[string]string{"interface": "Only one interface"},
		Help:  "Running configuration of an interface and its virtual routers; secrets are masked"},
	{ID: "show.configuration", Modes: anyMode, Syntax: "show configuration", Also: []string{"show configuration commands"},
		Help: "Running configuration, the same as show running-config"},
	{ID: "show.startup", Modes: anyMode, Syntax: "show startup-config [toml|json]", Words: forms, Level: Operator,
		Help: "Configuration in the file, which the router starts with"},
	{ID: "show.candidate", Modes: anyMode, Syntax: "show candidate-config [toml|json]", Words: forms,
		Help: "This session's candidate"},
	{ID: "show.changes", Modes: anyMode, Syntax: "show changes",
		Help: "How the candidate differs from the running configuration"},
	{ID: "show.commits", Modes: anyMode, Syntax: "show history commits",
		Also:  []string{"show system commit", "show configuration commit list"},
		Words: map[string]string{"system": "Past commits, users and uptime", "list": "Past commits"},
		Help:  "Committed configurations, the newest first; \"show configuration revision N changes\" shows what each changed"},
	{ID: "show.revision", Modes: anyMode, Syntax: "show configuration revision <revision:revision> [toml|json|changes]",
		Also:  []string{"show system rollback <revision:revision>"},
		Words: with(forms, "changes", "What this commit changed"),
		Help:  "A past configuration, or what that commit changed"},
	{ID: "show.commit", Modes: anyMode, Syntax: "show commit",
		Help: "The last commit, and whether it is waiting for confirmation"},
	{ID: "show.sessions", Modes: anyMode, Syntax: "show sessions", Help: "Who is logged in",
		Also: []string{"show users", "show system users", "who"}},
	{ID: "show.api", Modes: anyMode, Syntax: "show api", Help: "HTTP API: listener and users"},
	{ID: "show.debugging", Modes: anyMode, Syntax: "show debugging", Help: "What this session debugs"},
	{ID: "show.version", Modes: anyMode, Syntax: "show version", Help: "Version and uptime",
		Also: []string{"show uptime", "show system uptime"}},
	{ID: "show.logging", Modes: anyMode, Syntax: "show logging [last <lines:1-1000>]", Level: Operator,
		Also: []string{"show log [messages]"},
		Help: "Log messages of the router; it keeps the last thousand",
		Words: map[string]string{
			"logging": "Log messages of the router", "log": "Log messages of the router", "messages": "All of them",
			"last": "Only the last messages", "lines": "Number of messages",
		}},
	{ID: "show.clock", Modes: anyMode, Syntax: "show clock", Help: "Date and time", Also: []string{"show date"}},
	{ID: "show.resources", Modes: anyMode, Syntax: "show resources", Help: "Memory and processor time of the router"},
	{ID: "show.here", Modes: configModes, Syntax: "show",
		Help: "The part of the candidate that this mode edits"},
}

var operateCommands = []Command{
	{ID: "configure", Modes: execMode, Level: Administrator, Syntax: "configure [terminal|exclusive]",
		Also: []string{"configure private", "configure session"},
		Help: "Edit a candidate configuration",
		Words: map[string]string{
			"terminal":  "From the terminal (the default)",
			"private":   "A candidate of this session (the default)",
			"session":   "A candidate of this session (the default)",
			"exclusive": "Refuse commits of other sessions meanwhile",
		}},
	{ID: "clear.statistics", Modes: execMode, Level: Operator,
		Syntax: "clear vrrp statistics [interface <interface>] [group <group:1-255>]", Words: selection,
		Help: "Set counters to zero"},
	{ID: "vrrp.resign", Modes: execMode, Level: Operator,
		Syntax: "vrrp resign interface <interface> group <group:1-255> [ipv6]",
		Help:   "Give up Master once",
		Words: map[string]string{
			"resign": "Give up Master once", "interface": "Interface of the virtual router",
			"group": "Group of the virtual router", "ipv6": "The IPv6 virtual router of the group",
		}},
	{ID: "monitor.vrrp", Modes: execMode,
		Syntax: "monitor vrrp [interface <interface>] [group <group:1-255>]", Words: selection,
		Help: "Live state of the virtual routers, until q"},
	{ID: "monitor.packets", Modes: execMode, Level: Operator, Syntax: "monitor packets interface <interface>",
		Also:  []string{"monitor traffic interface <interface>"},
		Help:  "VRRP packets on an interface, decoded, until Ctrl-C",
		Words: map[string]string{"packets": "VRRP packets, decoded", "traffic": "VRRP packets, decoded", "interface": "Interface to listen on"}},
	{ID: "debug", Modes: execMode, Level: Operator,
		Syntax: "debug vrrp packets|events [interface <interface>] [group <group:1-255>]",
		Help:   "Show packets or events in this session, with \"terminal monitor\"; repeat the command to add more",
		Words: with(selection,
			"packets", "Every advert that is sent or received, and why it is discarded",
			"events", "Transitions, faults and changes of interfaces")},
	{ID: "debug.no", Modes: execMode, Level: Operator, Syntax: "no debug vrrp [packets|events]",
		Help:  "Stop debugging",
		Words: map[string]string{"packets": "Adverts only", "events": "Events only"}},
	{ID: "debug.no.all", Modes: execMode, Level: Operator, Syntax: "no debug all",
		Help: "Stop all debugging of this session"},
	{ID: "debug.undebug", Modes: execMode, Level: Operator, Syntax: "undebug all",
		Help: "Stop all debugging of this session"},
	{ID: "restart", Modes: execMode, Level: Administrator, Syntax: "restart",
		Help: "Replace this process with the installed release; the virtual routers keep running"},
	{ID: "reach.ping", Modes: execMode,
		Syntax: "ping <host:host> [count <count:1-1000>] [size <size:1-9000>] [source <source:source>] [ipv6]",
		Also: []string{
			"ping ip|ipv6 <host:host> [count|repeat <count:1-1000>] [size <size:1-9000>] [source <source:source>]",
			"ping <host:host> [repeat <count:1-1000>] [size <size:1-9000>] [source <source:source>]",
		},
		Help: "Send echo requests to a host, one a second",
		Words: map[string]string{
			"<host>": "Address or name", "count": "Number of requests (default 5)", "<count>": "Number of requests", "repeat": "Number of requests",
			"size": "Length of the data", "<size>": "Octets (default 56)", "source": "Where they come from", "<source>": "Address or interface",
			"ip": "By IPv4", "ipv6": "By IPv6",
		}},
	{ID: "reach.traceroute", Modes: execMode,
		Syntax: "traceroute <host:host> [source <source:source>] [ipv6]",
		Also:   []string{"traceroute ip|ipv6 <host:host> [source <source:source>]"},
		Help:   "Show the routers on the way to a host",
		Words: map[string]string{
			"<host>": "Address or name", "source": "Where packets come from", "<source>": "Address or interface",
			"ip": "By IPv4", "ipv6": "By IPv6",
		}},
	{ID: "write", Modes: anyMode, Syntax: "write [memory]",
		Also: []string{"write file", "copy running-config startup-config", "save"},
		Words: map[string]string{
			"memory": "The configuration file", "file": "The configuration file", "running-config": "Running configuration",
			"startup-config": "The configuration file", "save": "Where the configuration is saved",
		},
		Help: "Say where the running configuration is saved; every commit saves it"},
	{ID: "terminal.length", Modes: anyMode, Syntax: "terminal length <lines:0-512>",
		Also:  []string{"set cli screen-length <lines:0-512>", "set terminal length <lines:0-512>"},
		Help:  "Lines of a page",
		Words: map[string]string{"lines": "Lines; 0: do not stop after a page"}},
	{ID: "terminal.width", Modes: anyMode, Syntax: "terminal width <columns:0-512>",
		Also:  []string{"set cli screen-width <columns:0-512>", "set terminal width <columns:0-512>"},
		Help:  "Columns of the terminal",
		Words: map[string]string{"columns": "Columns; 0: the width that the terminal reports"}},
	{ID: "terminal.suggestions", Modes: anyMode, Syntax: "terminal suggestions on|off",
		Help:  "Suggestions while typing",
		Words: map[string]string{"on": "Show them", "off": "Do not show them"}},
	{ID: "terminal.monitor", Modes: anyMode, Syntax: "terminal monitor",
		Level: Operator,
		Help:  "Show log messages as they are written"},
	{ID: "terminal.no.monitor", Modes: anyMode, Syntax: "terminal no monitor", Level: Operator,
		Help: "Stop showing log messages; the router's console still gets warnings and errors"},
	{ID: "exit", Modes: anyMode, Syntax: "exit",
		Help: "Leave the mode; in exec mode, end the session"},
	{ID: "exit.quit", Modes: configModes, Syntax: "quit", Help: "Leave the mode"},
	{ID: "end", Modes: anyMode, Syntax: "end",
		Also: []string{"exit configuration-mode"},
		Help: "Go to exec mode"},
	{ID: "quit", Modes: execMode, Syntax: "quit", Help: "End the session"},
	{ID: "logout", Modes: execMode, Syntax: "logout", Help: "End the session"},
}

var labCommands = []Command{
	{ID: "lab.show", Modes: execMode, Syntax: "lab show", Demo: true,
		Help: "Picture of the lab"},
	{ID: "lab.stop", Modes: execMode, Syntax: "lab stop <router>", Demo: true, Level: Operator,
		Help: "Stop a router"},
	{ID: "lab.start", Modes: execMode, Syntax: "lab start <router>", Demo: true, Level: Operator,
		Help: "Start a stopped router"},
	{ID: "lab.cut", Modes: execMode, Syntax: "lab cut <router>", Demo: true, Level: Operator,
		Help: "Cut the link of a router"},
	{ID: "lab.restore", Modes: execMode, Syntax: "lab restore <router>", Demo: true, Level: Operator,
		Help: "Restore the link of a router"},
}

var configureCommands = []Command{
	{ID: "top", Modes: configModes, Syntax: "top", Level: Administrator,
		Help: "Go to the top of the configuration"},
	{ID: "pwd", Modes: configModes, Syntax: "pwd",
		Help: "Place of this mode in the configuration"},
	{ID: "commit", Modes: configModes, Syntax: "commit [overwrite] [comment <comment...>]", Level: Administrator,
		Help: "Make the candidate the running configuration",
		Words: map[string]string{
			"commit":    "Make the candidate the running configuration",
			"comment":   "Reason, for the history",
			"overwrite": "Even if the configuration file was changed by hand",
		}},
	{ID: "commit.quit", Modes: configModes, Syntax: "commit and-quit [comment <comment...>]", Level: Administrator,
		Help:  "Make the candidate the running configuration and go to exec mode",
		Words: map[string]string{"and-quit": "Go to exec mode afterwards", "comment": "Reason, for the history"}},
	{ID: "commit.confirmed", Modes: configModes, Level: Administrator,
		Syntax: "commit confirmed [<minutes:1-1440>] [overwrite] [comment <comment...>]",
		Also:   []string{"commit-confirm [<minutes:1-1440>] [comment <comment...>]"},
		Help:   "Commit and roll back after a time, unless confirmed (\"confirm\" or \"commit\")",
		Words: map[string]string{
			"confirmed": "Roll back unless confirmed",
			"minutes":   "Minutes to wait for confirmation (default 10)",
			"comment":   "Reason, for the history",
			"overwrite": "Even if the configuration file was changed by hand",
		}},
	{ID: "confirm", Modes: anyMode, Yields: true, Syntax: "confirm", Level: Administrator,
		Help: "Confirm a commit that would otherwise roll back"},
	{ID: "commit.check", Modes: configModes, Syntax: "commit check", Level: Administrator,
		Help: "Validate the candidate and say what a commit would do"},
	{ID: "compare", Modes: configModes, Syntax: "compare",
		Help: "How the candidate differs from the running configuration"},
	{ID: "compare.rollback", Modes: anyMode, Yields: true, Syntax: "compare rollback <revision:revision> [<other:revision>]",
		Also: []string{"compare <revision:revision> [<other:revision>]"},
		Help: "How the candidate (in exec mode: the running configuration) or another revision differs from a past revision",
		Words: map[string]string{
			"rollback": "With a past revision",
			"other":    "Compare this revision with it instead of the candidate",
		}},
	{ID: "discard", Modes: configModes, Syntax: "discard", Level: Administrator,
		Help: "Make the candidate equal to the running configuration"},
	{ID: "rebase", Modes: configModes, Syntax: "rebase", Level: Administrator,
		Help: "Apply the candidate's changes to the current running configuration"},
	{ID: "rollback", Modes: configModes, Syntax: "rollback <revision:revision>", Level: Administrator,
		Help: "Load a past revision into the candidate"},
	{ID: "load.merge", Modes: configModes, Syntax: "load merge <file:file>", Level: Administrator,
		Also: []string{"merge <file:file>"},
		Help: "Add the settings in a file, or its commands, to the candidate"},
	{ID: "load.merge.terminal", Modes: configModes, Syntax: "load merge terminal", Level: Administrator,
		Words: map[string]string{"terminal": "Typed or pasted, until Ctrl-D"},
		Help:  "Add settings that are typed or pasted, as commands or as a file, to the candidate"},
	{ID: "load.replace", Modes: configModes, Syntax: "load replace <file:file>", Level: Administrator,
		Also: []string{"load override <file:file>"},
		Help: "Replace the candidate with a file of settings or commands"},
	{ID: "load.replace.terminal", Modes: configModes, Syntax: "load replace terminal", Level: Administrator,
		Also:  []string{"load override terminal"},
		Words: map[string]string{"terminal": "Typed or pasted, until Ctrl-D"},
		Help:  "Replace the candidate with settings that are typed or pasted, as commands or as a file"},
	{ID: "save", Modes: configModes, Syntax: "save <file:file>", Level: Administrator,
		Help: "Write the candidate, with its secrets, to a file"},
}

var pipeCommands = []Command{
	{ID: "pipe.include", Modes: pipeMode, Syntax: "include <regexp...:regexp>",
		Also: []string{"match <regexp...:regexp>", "grep <regexp...:regexp>"},
		Help: "Only lines that match"},
	{ID: "pipe.exclude", Modes: pipeMode, Syntax: "exclude <regexp...:regexp>",
		Also: []string{"except <regexp...:regexp>"},
		Help: "Only lines that do not match"},
	{ID: "pipe.begin", Modes: pipeMode, Syntax: "begin <regexp...:regexp>",
		Also: []string{"find <regexp...:regexp>"},
		Help: "From the first line that matches"},
	{ID: "pipe.section", Modes: pipeMode, Syntax: "section <regexp...:regexp>",
		Help: "Lines that match, with the lines indented below them"},
	{ID: "pipe.count", Modes: pipeMode, Syntax: "count [<regexp...:regexp>]", Help: "Number of lines, or of lines that match"},
	{ID: "pipe.no-more", Modes: pipeMode, Syntax: "no-more", Help: "Do not stop after a page"},
	{ID: "pipe.last", Modes: pipeMode, Syntax: "last <lines:1-1000000>",
		Help:  "Only the last lines",
		Words: map[string]string{"lines": "Number of lines"}},
	{ID: "pipe.json", Modes: pipeMode, Syntax: "json", Help: "The same data as JSON", Also: []string{"display json"}},
	{ID: "pipe.compare", Modes: pipeMode, Yields: true, Syntax: "compare",
		Words: map[string]string{"compare": "How the candidate differs from the running configuration"},
		Help:  "How the candidate differs from the running configuration"},
	{ID: "pipe.save", Modes: pipeMode, Yields: true, Syntax: "save <file:file>", Level: Administrator,
		Help: "Write to a file on the router"},
}
