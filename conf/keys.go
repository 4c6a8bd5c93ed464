// SPDX-License-Identifier: GPL-3.0-only

package conf

// The tables of the file.
var (
	// Root is the top level.
	Root = newSchema("Every key with its default. Keys that are commented out are unset by default, or need a choice. docs/configuration.md says more. " +
		"A router starts with this file as it is, but its interfaces, addresses, routes and programs are examples: change them first.")

	TrackTable    = newSchema("One such table per tracked object: an interface, a route, a script or a file.")
	NotifyTable   = newSchema("One such table per program to run for events. It reads the event as JSON on its standard input.")
	RouterTable   = newSchema("One such table per virtual router. group, interface and vip (or vips) are required.")
	timersTable   = newSchema("")
	trackingTable = newSchema("")
	protocols     = newSchema("")
	StaticTable   = newSchema("One such table per IPv4 static route.")
	apiTable      = newSchema("With this table there is an HTTP API.")
	sshTable      = newSchema("With this table and listen in it there is an SSH server. Its users are those of [api].")
	realtimeTable = newSchema("For a busy machine: timely adverts, and no change of Master because this router did not get the processor.")
	metricsTable  = newSchema("Metrics for Prometheus: /metrics on the listener of [api], for its users.")
)

// Defaults and limits that other code uses.
const (
	DefaultPID           = "/run/vrrpsh/vrrpsh.pid" // as a daemon
	DefaultMainLog       = "/var/log/vrrpsh.log"    // as a daemon
	DefaultStateDir      = "/var/lib/vrrpsh"
	DefaultControlSocket = "/run/vrrpsh/vrrpsh.sock"
	DefaultAPIHost       = "0.0.0.0:7080"
	// NoListener is the host of an API without a TCP listener.
	NoListener     = "disabled"
	DefaultTLSKey  = "/etc/vrrpsh/ssl/key.pem"
	DefaultTLSCert = "/etc/vrrpsh/ssl/cert.pem"
	DefaultKeys    = "/etc/vrrpsh/authorized_keys/%u"
	// DefaultHostKey is the name of the SSH host key in the state directory.
	DefaultHostKey = "ssh_host_ed25519_key"
	// MaxDebug is the highest debug level. Level 4 does not exist: level 3 includes its output.
	MaxDebug = 5
	// MaxRealtime is the highest real-time priority.
	MaxRealtime = 99
)

// The keys of the top level.
var (
	Debug = Declare[int](Root, Key{
		Name: "debug", Type: Integer{Low: 0, High: MaxDebug, Also: func(n int) bool { return n > MaxDebug }}, Default: 0, Rank: 2,
		Help: "Verbosity of the log", Command: "logging level",
		Value: "level", ValueHelp: "0 information, 1 low, 2 medium, 3 high, 5 everything",
		Doc: "verbosity of the [log](logging.md): 0 information, 1 low, 2 medium, 3 high, 5 extensive; 4 is read as 3, and more than 5 as 5, with a warning. The flag `-d` overrides it",
	})
	TimeZone = Declare[string](Root, Key{
		Name: "time_zone", Default: "local", Rank: 5,
		Type: Choice{Words: []Word{{"local", "The system's time zone"}, {"utc", "Coordinated universal time"}}},
		Help: "Time zone of timestamps", Command: "logging time-zone", Doc: "time zone of timestamps",
	})
	TimeFormat = Declare[string](Root, Key{
		Name: "time_format", Default: "disabled", Rank: 6,
		Type: Choice{Words: []Word{{"disabled", "The default format"}, {"short", "Short"}, {"rfc2822", "As in mail headers (RFC 2822)"}}},
		Help: "Format of timestamps", Command: "logging time-format",
		Doc: "format of timestamps; \"disabled\" is the default format: `2026-03-04T12:00:00.123Z`, \"short\" is `Mar  4 12:00:00.123`, \"rfc2822\" is `Wed, 04 Mar 2026 12:00:00 +0000`",
	})
	PID = Declare[string](Root, Key{
		Name: "pid", Type: Text{Kind: "file", Check: notEmpty}, Absent: `none; as a daemon "` + DefaultPID + `"`, Example: DefaultPID, Rank: 7,
		Help: "File with the process ID", Command: "pid-file", Effect: NextStart,
		Doc: "file with the process ID; a second router with the same file refuses to start. Absolute path, or relative to `working_dir`",
	})
	WorkingDir = Declare[string](Root, Key{
		Name: "working_dir", Type: Text{Kind: "file", Check: notEmpty}, Default: DefaultStateDir, Rank: 8,
		Help: "Working directory of the daemon", Command: "working-directory", Value: "directory", ValueHelp: "Directory on the router", Effect: NextStart,
		Doc: "working directory of a daemon, and the start of relative paths of `pid`, `main_log` and `error_log`; a daemon creates it if it is missing",
	})
	MainLog = Declare[string](Root, Key{
		Name: "main_log", Type: Text{Kind: "file", Check: notEmpty}, Absent: "none", Example: DefaultMainLog, Rank: 3,
		Help: "Main log file", Command: "logging file",
		Doc: "[log](logging.md) file; without one, standard error in the foreground and `" + DefaultMainLog + "` as a daemon. Absolute path, or relative to `working_dir`",
	})
	ErrorLog = Declare[string](Root, Key{
		Name: "error_log", Type: Text{Kind: "file", Check: notEmpty}, Default: "disabled", Rank: 4,
		Help: "Additional log file for errors; \"disabled\" for none", Command: "logging errors",
		Doc: `additional file for warnings and errors; "disabled": none`,
	})
	LogHosts = Declare[[]string](Root, Key{
		Name: "log_hosts", Type: Strings{}, Absent: "none", Example: []string{"udp://192.0.2.9:514", "tls://log.example:6514"}, Dependent: true, Rank: 4,
		Help: "Send the log to a host (RFC 5424); repeat the command for more", Command: "logging host",
		Doc: "hosts that the [log](logging.md) is sent to, in the format of RFC 5424: `udp://HOST:PORT` (RFC 5426), `tcp://HOST:PORT` (RFC 6587, octet counting) or " +
			"`tls://HOST:PORT` (RFC 5425). At most 8. Ports default to 514, and to 6514 with TLS",
	})
	LogTLSCA = Declare[string](Root, Key{
		Name: "log_tls_ca", Type: Text{Kind: "file", Check: absolute}, Absent: "the system's", Example: "/etc/vrrpsh/ssl/log-ca.pem", Dependent: true, Rank: 4,
		Help: "Certificates of those who sign for log hosts with TLS (PEM)", Command: "logging tls-ca",
		Doc: "certificates (PEM) of those who sign for log hosts with TLS; absolute path",
	})
	ClientAPI = Declare[string](Root, Key{
		Name: "client_api", Default: "http", Rank: 11,
		Type: Choice{Words: []Word{{"http", "HTTP or HTTPS"}, {"disabled", "None over TCP"}}},
		Help: "Type of the client API",
		Doc:  `"http": the ` + "`[api]`" + ` table starts its listener, HTTP or HTTPS; "disabled": it does not`,
	})
	Hostname = Declare[string](Root, Key{
		Name: "hostname", Type: Text{Kind: "word", Check: badHostname}, Absent: "the system's", Example: "r1", Rank: 1,
		Help: "Name of the router in prompts", Value: "name", ValueHelp: "Name, up to 253 characters",
		Doc: "name in the prompt; 1-253 letters, digits, hyphens and dots (RFC 1123 section 2.1), and underscores",
	})
	Banner = Declare[[]string](Root, Key{
		Name: "banner", Type: Strings{}, Absent: "none", Example: []string{"Authorised users only.", "All is logged."}, Dependent: true, Rank: 13,
		Help: "Text shown to those who log in",
		Doc:  "lines shown before a login over SSH, and at the beginning of other sessions in a terminal; at most 20, with 2000 bytes",
	})
	Aliases = Declare[[]string](Root, Key{
		Name: "aliases", Type: Strings{}, Absent: "none", Example: []string{"sb show vrrp brief"}, Dependent: true, Rank: 14,
		Help: "Short name for a command of exec mode", Command: "alias",
		Doc: "short names for commands of exec mode: a name of letters and digits, a blank and the command. What is typed after the name follows the command. " +
			"At most 100; a name that is a command's first word has no effect",
	})
	ControlSocket = Declare[string](Root, Key{
		Name: "control_socket", Type: Text{Kind: "file", Check: badSocketPath}, Default: DefaultControlSocket, Rank: 9,
		Help: "Socket that the shell attaches to", Effect: NextStart,
		Doc: "socket of the attached shell and of local API clients; absolute path of at most 107 bytes; the flag `-s` overrides it",
	})
	StateDir = Declare[string](Root, Key{
		Name: "state_dir", Type: Text{Kind: "file", Check: absolute}, Default: DefaultStateDir, Rank: 10,
		Help: "Directory of the commit history and the run state", Value: "directory", ValueHelp: "Directory on the router", Effect: NextStart,
		Doc: "directory of the commit history and of the state that a restart needs; absolute path",
	})

	Tracks    = Declare[[]*Table](Root, Key{Name: "track", Type: SubTables{Of: TrackTable}, Absent: "none"})
	Notify    = Declare[[]*Table](Root, Key{Name: "notify", Type: SubTables{Of: NotifyTable}, Absent: "none"})
	VRouters  = Declare[[]*Table](Root, Key{Name: "vrouter", Type: SubTables{Of: RouterTable}, Absent: "none"})
	Protocols = Declare[*Table](Root, Key{Name: "protocols", Type: SubTable{Of: protocols}, Absent: "none", Rank: 12})
	API       = Declare[*Table](Root, Key{Name: "api", Type: SubTable{Of: apiTable}, Absent: "none", Presence: true})
	SSH       = Declare[*Table](Root, Key{Name: "ssh", Type: SubTable{Of: sshTable}, Absent: "none"})
	Realtime  = Declare[*Table](Root, Key{Name: "realtime", Type: SubTable{Of: realtimeTable}, Absent: "none"})
	Metrics   = Declare[*Table](Root, Key{Name: "metrics", Type: SubTable{Of: metricsTable}, Absent: "none"})
)

// The keys of [api].
var (
	APIHost = Declare[string](apiTable, Key{
		Name: "host", Type: Text{Kind: "endpoint", Check: badAPIHost}, Default: DefaultAPIHost, Rank: 1,
		Help: "Address and port to listen on", Command: "api host", ValueHelp: `Such as 0.0.0.0:7080 or [::]:7080; "disabled" for none`,
		Doc: "address and port (1-65535) to listen on; \"disabled\": none, the value that commands set if they create this table without `api host` or `api enable`",
	})
	APIUsers = Declare[[]string](apiTable, Key{
		Name: "users", Type: Strings{}, Absent: "none", Secret: UserHashes, Rank: 6, Example: []string{"{{SCRYPT}}admin:9::$rscrypt$0$PARAMS$SALT$HASH$"},
		Help: `Who may log in: lines made by "vrrpsh passwd"`, Command: "api user", Doc: "who may log in: lines made by `vrrpsh passwd`, see below",
	})
	APIPlain = Declare[[]string](apiTable, Key{
		Name: "plain_users", Type: Strings{}, Absent: "none", Rank: 7, Example: []string{"netbot"},
		Help: "Users whose terminals begin in plain line mode, for programs", Command: "api user",
		Doc: "users whose terminals begin in plain line mode and without the pager, for programs that type commands; see [automation](automation.md)",
	})
	APICommitOnEnd = Declare[[]string](apiTable, Key{
		Name: "commit_on_end_users", Type: Strings{}, Absent: "none", Rank: 8, Example: []string{"netbot"},
		Help: "Users for whom \"end\" commits at a terminal", Command: "api user",
		Doc: "users for whom `end` commits the candidate at a terminal, if no line has failed; see [automation](automation.md)",
	})
	APISecret = Declare[string](apiTable, Key{
		Name: "secret", Type: Text{}, Absent: "random", Secret: Concealed, Rank: 5, Example: "at least 16 characters",
		Help: "Key that signs session tokens; if set, sessions survive a restart", Command: "api secret",
		Doc: "key that signs session tokens. Without it, every start creates a random key, which ends all sessions",
	})
	APITLS = Declare[bool](apiTable, Key{
		Name: "tls", Type: Boolean{}, Default: false, Help: "Serve HTTPS", Command: "api tls", Doc: "HTTPS", Rank: 2,
	})
	APITLSKey = Declare[string](apiTable, Key{
		Name: "tls_key", Type: Text{Kind: "file", Check: notEmpty}, Default: DefaultTLSKey, Rank: 3,
		Help: "Private key (PEM)", Command: "api tls-key",
		Doc: "private key, PEM. If the default file is missing, `/etc/rvrrpd/ssl/key.pem` is used if it exists",
	})
	APITLSCert = Declare[string](apiTable, Key{
		Name: "tls_cert", Type: Text{Kind: "file", Check: notEmpty}, Default: DefaultTLSCert, Rank: 4,
		Help: "Certificate chain (PEM)", Command: "api tls-certificate", Doc: "certificate chain, PEM. If the default file is missing, `/etc/rvrrpd/ssl/cert.pem` is used if it exists",
	})
)

// The keys of [ssh].
var (
	SSHListen = Declare[string](sshTable, Key{
		Name: "listen", Type: Text{Kind: "endpoint", Check: badHostPort}, Absent: "none", Example: "0.0.0.0:2222",
		Help: "Serve the shell over SSH, to the users of the API", Command: "ssh listen", ValueHelp: "Such as 0.0.0.0:2222 or [::]:2222",
		Words: map[string]string{"ssh": "The SSH server"}, Doc: "address and port (1-65535) to listen on",
	})
	SSHAuthorizedKeys = Declare[string](sshTable, Key{
		Name: "authorized_keys", Type: Text{Kind: "file", Check: badKeysPath}, Default: DefaultKeys,
		Help: "Public keys of a user", Command: "ssh authorized-keys", ValueHelp: "File on the router; %u is the user",
		Doc: "file of a user's public keys, in OpenSSH's format; absolute path. `%u` is the user, `%%` a percent sign. Read at every login",
	})
	SSHHostKey = Declare[string](sshTable, Key{
		Name: "host_key", Type: Text{Kind: "file", Check: absolute}, Absent: "STATE_DIR/" + DefaultHostKey, Shown: true, Example: DefaultStateDir + "/" + DefaultHostKey,
		Help: "Private key of the router", Command: "ssh host-key",
		Doc: "private host key; absolute path. If the file is missing, an Ed25519 key is created, mode 0600",
	})
)

// The keys of [realtime] and [metrics].
var (
	RealtimePriority = Declare[int](realtimeTable, Key{
		Name: "priority", Type: Integer{Low: 0, High: MaxRealtime}, Default: 0,
		Help: "Real-time scheduling, so that no advert is late on a busy machine", Command: "realtime priority",
		Words: map[string]string{"realtime": "Timely adverts on a busy machine"}, ValueHelp: "Priority, 1-99 (SCHED_RR); 0 for none",
		Doc: "real-time priority (SCHED_RR) of the thread that sends and receives; the other threads, for which it may have to wait, have the next lower priority. 0: none",
	})
	RealtimeLockMemory = Declare[bool](realtimeTable, Key{
		Name: "lock_memory", Type: Boolean{}, Default: false,
		Help: "Prevent the router's memory from being swapped out", Command: "realtime lock-memory",
		Doc: "prevent the memory of the router from being swapped out (mlockall)",
	})

	MetricsEnabled = Declare[bool](metricsTable, Key{
		Name: "enabled", Type: Boolean{}, Default: false,
		Help: "Serve /metrics to Prometheus, on the listener of the API", Command: "metrics enabled",
		Words: map[string]string{"metrics": "Metrics for Prometheus"},
		Doc:   "serve `/metrics`, for Prometheus, on the listener of `[api]`, to its users, and on the control socket; see [metrics](metrics.md)",
	})
)
