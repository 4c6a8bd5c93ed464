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
	"show history":       "What happened before",
	"show configuration": "Configurations of the past",
	"clear":              "Reset counters",
	"clear vrrp":         "Virtual routers",
	"vrrp":               "Operate virtual routers",
	"terminal":           "Set up this terminal",
	"no":                 "Take something back",
	"debug":              "Show what happens",
	"monitor":            "Watch what changes",
	"undebug":            "Stop debugging",
	"debug vrrp":         "Virtual routers",
	"no debug":           "Stop debugging",
	"no debug vrrp":      "Virtual routers",
	"terminal no":        "Switch off",
	"commit":             "Make the candidate the running configuration",
	"compare":            "Compare configurations",
	"load":               "Read a configuration file into the candidate",
	"lab":                "Play with the simulated network",
	"api":                "HTTP API",
	"api user":           "User of the API and the shell",
	"logging":            "Log files and the form of their lines",
	"timers":             "Protocol timers",
	"track":              "Object that virtual routers depend on",
	"notify":             "Run programs for events",
	"unicast":            "Adverts to single routers instead of the multicast group",
	"garp":               "Announcements of the virtual addresses",
	"interface":          "Interface",

	"<interface>": "Name of an interface",
	"<group>":     "Group number (VRID)",
	"<revision>":  "Number of a revision: 0 is the running one, 1 the one before",
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
	"toml": "In the form of the file (TOML)",
	"json": "In the form of the file (JSON)",
}

var showCommands = []Command{
	{ID: "show.vrrp", Modes: anyMode,
		Syntax: "show vrrp [brief|detail|statistics|history|explain] [interface <interface>] [group <group:1-255>]",
		Help:   "State of the virtual routers: everything, or one line each (brief), counters, transitions, or why each is in its state (explain)",
		Words: with(selection,
			"vrrp", "Virtual routers",
			"brief", "One line each",
			"detail", "Everything (as without a word)",
			"statistics", "Counters",
			"history", "The last transitions and their causes",
			"explain", "Why each is in its state, and what would change that")},
	{ID: "show.interfaces", Modes: anyMode, Syntax: "show interfaces [<interface>]",
		Help: "Interfaces of the host"},
	{ID: "show.ip.route", Modes: anyMode, Syntax: "show ip route",
		Help: "Static routes, and which of them are installed"},
	{ID: "show.track", Modes: anyMode, Syntax: "show track",
		Help: "Tracked objects: their state, why, and who depends on them"},
	{ID: "show.running", Modes: anyMode, Syntax: "show running-config [toml|json]", Words: forms,
		Help: "Running configuration, as commands or as a file; secrets are masked"},
	{ID: "show.configuration", Modes: anyMode, Syntax: "show configuration",
		Help: "Running configuration, as show running-config"},
	{ID: "show.startup", Modes: anyMode, Syntax: "show startup-config [toml|json]", Words: forms, Level: Operator,
		Help: "Configuration in the file, which the router starts with"},
	{ID: "show.candidate", Modes: anyMode, Syntax: "show candidate-config [toml|json]", Words: forms,
		Help: "This session's candidate"},
	{ID: "show.changes", Modes: anyMode, Syntax: "show changes",
		Help: "How the candidate differs from the running configuration"},
	{ID: "show.commits", Modes: anyMode, Syntax: "show history commits",
		Help: "Committed configurations, the newest first; \"show configuration revision N changes\" tells what each changed"},
	{ID: "show.revision", Modes: anyMode, Syntax: "show configuration revision <revision:revision> [toml|json|changes]",
		Words: with(forms, "changes", "What this commit changed of the one before it"),
		Help:  "A committed configuration of the past, or what that commit changed"},
	{ID: "show.commit", Modes: anyMode, Syntax: "show commit",
		Help: "The last commit, and whether it waits for its confirmation"},
	{ID: "show.sessions", Modes: anyMode, Syntax: "show sessions", Help: "Who is logged in"},
	{ID: "show.api", Modes: anyMode, Syntax: "show api", Help: "HTTP API: listener and users"},
	{ID: "show.debugging", Modes: anyMode, Syntax: "show debugging", Help: "What this session debugs"},
	{ID: "show.version", Modes: anyMode, Syntax: "show version", Help: "Version and uptime"},
	{ID: "show.logging", Modes: anyMode, Syntax: "show logging [last <lines:1-1000>]", Level: Operator,
		Help: "What the router has logged; the last thousand messages are remembered",
		Words: map[string]string{
			"logging": "What the router has logged",
			"last":    "Only the last messages", "lines": "Number of messages",
		}},
	{ID: "show.clock", Modes: anyMode, Syntax: "show clock", Help: "Date and time"},
	{ID: "show.resources", Modes: anyMode, Syntax: "show resources", Help: "Memory and processor time of the router"},
	{ID: "show.here", Modes: configModes, Syntax: "show",
		Help: "The candidate's part that this mode edits"},
}

var operateCommands = []Command{
	{ID: "configure", Modes: execMode, Level: Administrator, Syntax: "configure [terminal|exclusive]",
		Help: "Edit a candidate configuration",
		Words: map[string]string{
			"terminal":  "From the terminal (as without a word)",
			"exclusive": "Refuse the commits of others meanwhile",
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
		Help: "State of the virtual routers as it changes, until q"},
	{ID: "monitor.packets", Modes: execMode, Level: Operator, Syntax: "monitor packets interface <interface>",
		Help:  "VRRP packets on an interface, decoded, until Ctrl-C",
		Words: map[string]string{"packets": "VRRP packets, decoded", "interface": "Interface to listen on"}},
	{ID: "debug", Modes: execMode, Level: Operator,
		Syntax: "debug vrrp packets|events [interface <interface>] [group <group:1-255>]",
		Help:   "Show what happens to this session, with \"terminal monitor\"; repeated, more of it",
		Words: with(selection,
			"packets", "Every advert that is sent or received, and why it is discarded",
			"events", "Transitions, faults and what happens to interfaces")},
	{ID: "debug.no", Modes: execMode, Level: Operator, Syntax: "no debug vrrp [packets|events]",
		Help:  "Stop debugging",
		Words: map[string]string{"packets": "Adverts only", "events": "Events only"}},
	{ID: "debug.no.all", Modes: execMode, Level: Operator, Syntax: "no debug all",
		Help: "Stop all debugging of this session"},
	{ID: "debug.undebug", Modes: execMode, Level: Operator, Syntax: "undebug all",
		Help: "Stop all debugging of this session"},
	{ID: "restart", Modes: execMode, Level: Administrator, Syntax: "restart",
		Help: "Run the installed release in place of this one; the virtual routers go on as they are"},
	{ID: "terminal.length", Modes: anyMode, Syntax: "terminal length <lines:0-512>",
		Help:  "Lines of a page",
		Words: map[string]string{"lines": "Lines, 0: do not stop after a page"}},
	{ID: "terminal.width", Modes: anyMode, Syntax: "terminal width <columns:0-512>",
		Help:  "Columns of the terminal",
		Words: map[string]string{"columns": "Columns, 0: as the terminal says"}},
	{ID: "terminal.suggestions", Modes: anyMode, Syntax: "terminal suggestions on|off",
		Help:  "Suggestions while typing",
		Words: map[string]string{"on": "Show them", "off": "Do not show them"}},
	{ID: "terminal.monitor", Modes: anyMode, Syntax: "terminal monitor",
		Level: Operator,
		Help:  "Show what is logged as it happens"},
	{ID: "terminal.no.monitor", Modes: anyMode, Syntax: "terminal no monitor", Level: Operator,
		Help: "Do not show what is logged; the router's console still gets warnings and errors"},
	{ID: "exit", Modes: anyMode, Syntax: "exit",
		Help: "Leave the mode; in exec mode: the session"},
	{ID: "end", Modes: anyMode, Syntax: "end",
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
		Help: "Mend the link of a router"},
}

var configureCommands = []Command{
	{ID: "top", Modes: configModes, Syntax: "top", Level: Administrator,
		Help: "Go to the top of the configuration"},
	{ID: "pwd", Modes: configModes, Syntax: "pwd",
		Help: "Where in the configuration this mode is"},
	{ID: "commit", Modes: configModes, Syntax: "commit [overwrite] [comment <comment...>]", Level: Administrator,
		Help: "Make the candidate the running configuration",
		Words: map[string]string{
			"commit":    "Make the candidate the running configuration",
			"comment":   "Say why, for the history",
			"overwrite": "Also when the configuration file was changed by hand",
		}},
	{ID: "commit.confirmed", Modes: configModes, Level: Administrator,
		Syntax: "commit confirmed [<minutes:1-1440>] [overwrite] [comment <comment...>]",
		Help:   "Commit for a time: without \"commit\" or \"confirm\" until then, what ran before comes back",
		Words: map[string]string{
			"confirmed": "Take it back unless it is confirmed",
			"minutes":   "How long to wait for the confirmation (default 10)",
			"comment":   "Say why, for the history",
			"overwrite": "Also when the configuration file was changed by hand",
		}},
	{ID: "confirm", Modes: anyMode, Yields: true, Syntax: "confirm", Level: Administrator,
		Help: "Make a commit permanent that waits for its confirmation"},
	{ID: "commit.check", Modes: configModes, Syntax: "commit check", Level: Administrator,
		Help: "Validate the candidate and say what a commit would do"},
	{ID: "compare", Modes: configModes, Syntax: "compare",
		Help: "How the candidate differs from the running configuration"},
	{ID: "compare.rollback", Modes: anyMode, Yields: true, Syntax: "compare rollback <revision:revision> [<other:revision>]",
		Help: "How the candidate (in exec mode: the running configuration) or another revision differs from a revision of the past",
		Words: map[string]string{
			"rollback": "With a revision of the past",
			"other":    "How this revision differs from it, in place of the candidate",
		}},
	{ID: "discard", Modes: configModes, Syntax: "discard", Level: Administrator,
		Help: "Make the candidate equal to the running configuration"},
	{ID: "rebase", Modes: configModes, Syntax: "rebase", Level: Administrator,
		Help: "Carry the changes over to the configuration that runs now"},
	{ID: "rollback", Modes: configModes, Syntax: "rollback <revision:revision>", Level: Administrator,
		Help: "Load a revision of the past into the candidate"},
	{ID: "load.merge", Modes: configModes, Syntax: "load merge <file:file>", Level: Administrator,
		Help: "Add what a file says to the candidate"},
	{ID: "load.replace", Modes: configModes, Syntax: "load replace <file:file>", Level: Administrator,
		Help: "Make a file the candidate"},
	{ID: "save", Modes: configModes, Syntax: "save <file:file>", Level: Administrator,
		Help: "Write the candidate, with its secrets, to a file"},
}

var pipeCommands = []Command{
	{ID: "pipe.include", Modes: pipeMode, Syntax: "include <regexp...:regexp>",
		Help: "Only lines that match"},
	{ID: "pipe.exclude", Modes: pipeMode, Syntax: "exclude <regexp...:regexp>",
		Help: "Only lines that do not match"},
	{ID: "pipe.begin", Modes: pipeMode, Syntax: "begin <regexp...:regexp>",
		Help: "From the first line that matches"},
	{ID: "pipe.section", Modes: pipeMode, Syntax: "section <regexp...:regexp>",
		Help: "Lines that match, with those indented below them"},
	{ID: "pipe.count", Modes: pipeMode, Syntax: "count", Help: "Number of lines"},
	{ID: "pipe.no-more", Modes: pipeMode, Syntax: "no-more", Help: "Do not stop after a page"},
	{ID: "pipe.last", Modes: pipeMode, Syntax: "last <lines:1-1000000>",
		Help:  "Only the last lines",
		Words: map[string]string{"lines": "Number of lines"}},
	{ID: "pipe.json", Modes: pipeMode, Syntax: "json", Help: "The same data as JSON"},
	{ID: "pipe.compare", Modes: pipeMode, Syntax: "compare",
		Words: map[string]string{"compare": "How the candidate differs from the running configuration"},
		Help:  "How the candidate differs from the running configuration"},
	{ID: "pipe.save", Modes: pipeMode, Syntax: "save <file:file>", Level: Administrator,
		Help: "Write to a file on the router"},
}
