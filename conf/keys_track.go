// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"strings"
	"time"

	"vrrpsh/engine"
)

// Limits of tracked objects and of the programs that are run.
const (
	maxName          = 64
	maxCommand       = 64 // words
	trackIntervalMin = 100 * time.Millisecond
	trackIntervalMax = time.Hour
	trackInterval    = "1s"
	hookTimeout      = "10s"
	maxRise          = 100
)

// DefaultUser is the user that runs programs by default, if the router runs as root.
const DefaultUser = "nobody"

// allTransitions is short for the events "init", "backup" and "master".
const allTransitions = "transition"

// eventNames are the keywords for events.
var eventNames = append([]string{allTransitions}, engine.HookEventNames()...)

// The keys of [[track]].
var (
	TrackName = Declare[string](TrackTable, Key{
		Name: "name", Type: Text{Kind: "word", Check: badObjectName}, Absent: "required", Example: "uplink", Effect: Identifies,
		Help: "Name that virtual routers refer to", Doc: "name that virtual routers refer to: 1-64 letters, digits, hyphens, underscores and dots",
	})
	TrackInterface = Declare[string](TrackTable, Key{
		Name: "interface", Type: Text{Kind: "interface", Check: badInterfaceName}, Shown: true, Example: "eth1",
		Help: "Track an interface: up while it is up and has a carrier", Doc: "up while this interface is up and has a carrier",
	})
	TrackRoute = Declare[string](TrackTable, Key{
		Name: "route", Type: Text{Kind: "destination", Check: badDestination}, Example: "0.0.0.0/0", Dependent: true,
		Help: "Track a route of the main routing table", ValueHelp: "Such as 0.0.0.0/0 or 2001:db8::/32",
		Doc:     "up while the main routing table has exactly this IPv4 or IPv6 destination; refused on [FreeBSD](platforms.md)",
		Refused: map[Host]Refusal{FreeBSD: {Why: "is not supported on FreeBSD: use a script that checks for the route"}},
	})
	TrackScript = Declare[[]string](TrackTable, Key{
		Name: "script", Type: Strings{}, Example: []string{"/usr/local/bin/check-uplink", "--quick"}, Dependent: true,
		Help: "Track a program: up while it ends with status 0", ValueHelp: "Absolute path", Doc: "a program and its arguments; up while it ends with status 0",
	})
	TrackFile = Declare[string](TrackTable, Key{
		Name: "file", Type: Text{Kind: "file", Check: absolute}, Example: "/run/weight", Dependent: true,
		Help: "Track the integer in a file, which is added to the priority", ValueHelp: "Absolute path",
		Doc: "absolute path of a file that holds an integer, -253 to 253, which is added to the priority",
	})
	TrackInterval = Declare[string](TrackTable, Key{
		Name: "interval", Type: Duration{Low: trackIntervalMin, High: trackIntervalMax}, Default: trackInterval, Dependent: true,
		Help: "How often a script is run, or a file read", Doc: "how often the script is run, or the file read",
	})
	TrackTimeout = Declare[string](TrackTable, Key{
		Name: "timeout", Type: Duration{Low: trackIntervalMin, High: trackIntervalMax}, Absent: "the interval", Example: "1s", Dependent: true,
		Help: "Time after which a script is killed (default: the interval)", Doc: "time after which a script is killed, with all the processes it started",
	})
	TrackRise = Declare[int](TrackTable, Key{
		Name: "rise", Type: Integer{Low: 1, High: maxRise}, Default: 1, Dependent: true,
		Help: "Consecutive successes that bring a script up", Value: "count", ValueHelp: "How many",
		Doc: "consecutive successes that bring a script up; the first result counts at once",
	})
	TrackFall = Declare[int](TrackTable, Key{
		Name: "fall", Type: Integer{Low: 1, High: maxRise}, Default: 1, Dependent: true,
		Help: "Consecutive failures that bring a script down", Value: "count", ValueHelp: "How many",
		Doc: "consecutive failures that bring a script down",
	})
	TrackInitial = Declare[string](TrackTable, Key{
		Name: "initial", Type: Choice{Words: []Word{{"up", "Up"}, {"down", "Down"}}}, Default: "up", Dependent: true,
		Help: "State of a script before its first result (default up)", Doc: "state of a script before its first result",
	})
	TrackUser = Declare[string](TrackTable, Key{
		Name: "user", Type: Text{Kind: "user"}, Absent: `"` + DefaultUser + `"`, Example: DefaultUser, Dependent: true,
		Help: "User that runs a script (default nobody)", ValueHelp: "Name of a user of the system",
		Doc: "user that runs the script; if the router does not run as root, the router's own user",
	})
)

// The keys of [[notify]].
var (
	NotifyName = Declare[string](NotifyTable, Key{
		Name: "name", Type: Text{Kind: "word", Check: badObjectName}, Absent: "hook*N*, the *N*th table", Shown: true, Example: "hook1", Effect: Identifies,
		Help: "Name in the log and in commands", Doc: "name in the log and in commands",
	})
	NotifyCommand = Declare[[]string](NotifyTable, Key{
		Name: "command", Type: Strings{}, Absent: "required", Example: []string{"/usr/bin/logger", "-t", "vrrpsh"},
		Help: "Run a program for events", ValueHelp: "Absolute path of the program", Doc: "the program and its arguments",
	})
	NotifyEvents = Declare[[]string](NotifyTable, Key{
		Name: "events", Type: Strings{}, Default: []string{allTransitions},
		Help: "Events to run the program for (default transition)", ValueHelp: "Any of " + strings.Join(eventNames, ", "),
		Doc: `"init", "backup", "master" (the state that a virtual router enters), "transition" (all three), "fault", "link", "track", "config"`,
	})
	NotifyTimeout = Declare[string](NotifyTable, Key{
		Name: "timeout", Type: Duration{Low: trackIntervalMin, High: trackIntervalMax}, Default: hookTimeout,
		Help: "Time after which the program is killed", Doc: "time after which the program is killed, with all the processes it started",
	})
	NotifyUser = Declare[string](NotifyTable, Key{
		Name: "user", Type: Text{Kind: "user"}, Absent: `"` + DefaultUser + `"`, Example: DefaultUser, Dependent: true,
		Help: "User that runs the program (default nobody)", ValueHelp: "Name of a user of the system",
		Doc: "user that runs the program; if the router does not run as root, the router's own user",
	})
)

// The keys of [[protocols.static]].
var (
	Static = Declare[[]*Table](protocols, Key{
		Name: "static", Type: SubTables{Of: StaticTable}, Absent: "none", Command: "ip route",
		Refused: map[Host]Refusal{FreeBSD: {Why: "is not supported on FreeBSD: set static routes with route(8), or with a routing daemon"}},
	})
	StaticRoute = Declare[string](StaticTable, Key{
		Name: "route", Type: Text{Kind: "prefix"}, Absent: "required", Example: "10.0.0.0", Effect: Identifies,
		Help: "Destination, with a mask or with a prefix length",
		Doc:  "destination: an IPv4 network, with `mask` or with a prefix length as in \"10.0.0.0/8\"",
	})
	StaticMask = Declare[string](StaticTable, Key{
		Name: "mask", Type: Text{Kind: "word"}, Absent: "required without a prefix length", Shown: true, Example: "255.0.0.0", Effect: Identifies,
		Help: "Network mask", Doc: `network mask such as "255.0.0.0"`,
	})
	StaticNH = Declare[string](StaticTable, Key{
		Name: "nh", Type: Text{Kind: "next-hop", Check: badNextHop}, Absent: "required", Example: "10.0.0.254",
		Help: "Next hop", Command: "next-hop", Doc: "next hop, an IPv4 address",
	})
	StaticMetric = Declare[int](StaticTable, Key{
		Name: "metric", Type: Integer{Low: 0, High: 1<<32 - 1}, Default: 0, Effect: Identifies,
		Help: "Preference among routes to the destination; the lowest wins",
		Doc:  "preference among routes to the destination; the lowest wins",
	})
	StaticMTU = Declare[int](StaticTable, Key{
		Name: "mtu", Type: Integer{Low: minMTU, High: maxMTU, Also: func(n int) bool { return n == 0 }}, Absent: "that of the interface", Example: 1500, Dependent: true,
		Help: "Largest packet in bytes", Doc: "largest packet in bytes; 0 is read as none, with a warning",
	})
	StaticGroup = Declare[int](StaticTable, Key{
		Name: "group", Type: Integer{Low: 1, High: 255}, Absent: "none", Example: 51, Dependent: true,
		Help: "Group of the virtual router whose Master has the route; without it, any of them", Doc: "binds the route to this group on `interface`",
	})
	StaticInterface = Declare[string](StaticTable, Key{
		Name: "interface", Type: Text{Kind: "interface"}, Absent: "none", Example: "eth0", Dependent: true,
		Help: "Interface of that virtual router", Doc: "required with `group`, as in its `[[vrouter]]` table",
	})
)
