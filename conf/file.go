package conf

import "reflect"

// File is a configuration as its file says it: nil is unset. The keys are the
// same in TOML and JSON. Validate gives it a meaning.
type File struct {
	Debug      *int    `toml:"debug,omitempty" json:"debug,omitempty"`
	TimeZone   *string `toml:"time_zone,omitempty" json:"time_zone,omitempty"`
	TimeFormat *string `toml:"time_format,omitempty" json:"time_format,omitempty"`
	PID        *string `toml:"pid,omitempty" json:"pid,omitempty"`
	WorkingDir *string `toml:"working_dir,omitempty" json:"working_dir,omitempty"`
	MainLog    *string `toml:"main_log,omitempty" json:"main_log,omitempty"`
	ErrorLog   *string `toml:"error_log,omitempty" json:"error_log,omitempty"`
	ClientAPI  *string `toml:"client_api,omitempty" json:"client_api,omitempty"`

	Hostname      *string `toml:"hostname,omitempty" json:"hostname,omitempty"`
	ControlSocket *string `toml:"control_socket,omitempty" json:"control_socket,omitempty"`
	StateDir      *string `toml:"state_dir,omitempty" json:"state_dir,omitempty"`

	Tracks    []Track    `toml:"track,omitempty" json:"track,omitempty"`
	Notify    []Notify   `toml:"notify,omitempty" json:"notify,omitempty"`
	VRouters  []VRouter  `toml:"vrouter,omitempty" json:"vrouter,omitempty"`
	Protocols *Protocols `toml:"protocols,omitempty" json:"protocols,omitempty"`
	API       *API       `toml:"api,omitempty" json:"api,omitempty"`
	SSH       *SSH       `toml:"ssh,omitempty" json:"ssh,omitempty"`
	Realtime  *Realtime  `toml:"realtime,omitempty" json:"realtime,omitempty"`
	Metrics   *Metrics   `toml:"metrics,omitempty" json:"metrics,omitempty"`
}

// VRouter is a [[vrouter]] table: one virtual router.
type VRouter struct {
	Group             *int          `toml:"group,omitempty" json:"group,omitempty"`
	Interface         *string       `toml:"interface,omitempty" json:"interface,omitempty"`
	VIP               *string       `toml:"vip,omitempty" json:"vip,omitempty"`
	VIPs              []string      `toml:"vips,omitempty" json:"vips,omitempty"`
	Version           *int          `toml:"version,omitempty" json:"version,omitempty"`
	Priority          *int          `toml:"priority,omitempty" json:"priority,omitempty"`
	Preemption        *bool         `toml:"preemption,omitempty" json:"preemption,omitempty"`
	AuthType          *string       `toml:"auth_type,omitempty" json:"auth_type,omitempty"`
	AuthSecret        *string       `toml:"auth_secret,omitempty" json:"auth_secret,omitempty" conf:"secret"`
	Timers            *Timers       `toml:"timers,omitempty" json:"timers,omitempty"`
	AdvertiseInterval *string       `toml:"advertise_interval,omitempty" json:"advertise_interval,omitempty"`
	PreemptDelay      *string       `toml:"preempt_delay,omitempty" json:"preempt_delay,omitempty"`
	RFC3768           *bool         `toml:"rfc3768,omitempty" json:"rfc3768,omitempty"`
	NetDrv            *string       `toml:"netdrv,omitempty" json:"netdrv,omitempty"`
	IfType            *string       `toml:"iftype,omitempty" json:"iftype,omitempty"`
	VIFName           *string       `toml:"vifname,omitempty" json:"vifname,omitempty"`
	VMAC              *bool         `toml:"vmac,omitempty" json:"vmac,omitempty"`
	SocketFilter      *FlexibleBool `toml:"socket_filter,omitempty" json:"socket_filter,omitempty"`
	Checksum          *string       `toml:"checksum,omitempty" json:"checksum,omitempty"`
	Description       *string       `toml:"description,omitempty" json:"description,omitempty"`
	Shutdown          *bool         `toml:"shutdown,omitempty" json:"shutdown,omitempty"`
	AcceptMode        *bool         `toml:"accept_mode,omitempty" json:"accept_mode,omitempty"`
	AcceptPing        *bool         `toml:"accept_ping,omitempty" json:"accept_ping,omitempty"`
	GARPRepeat        *int          `toml:"garp_repeat,omitempty" json:"garp_repeat,omitempty"`
	GARPDelay         *string       `toml:"garp_delay,omitempty" json:"garp_delay,omitempty"`
	GARPRefresh       *string       `toml:"garp_refresh,omitempty" json:"garp_refresh,omitempty"`
	Track             []Tracking    `toml:"track,omitempty" json:"track,omitempty"`
	SyncGroup         *string       `toml:"sync_group,omitempty" json:"sync_group,omitempty"`
	UnicastPeers      []string      `toml:"unicast_peers,omitempty" json:"unicast_peers,omitempty"`
	UnicastSource     *string       `toml:"unicast_source,omitempty" json:"unicast_source,omitempty"`
	UnicastTTLMin     *int          `toml:"unicast_ttl_min,omitempty" json:"unicast_ttl_min,omitempty"`
}

// Tracking is an element of the track list of a virtual router.
type Tracking struct {
	Object    *string `toml:"object,omitempty" json:"object,omitempty"`
	Decrement *int    `toml:"decrement,omitempty" json:"decrement,omitempty"`
}

// Track is a [[track]] table: something that virtual routers depend on.
type Track struct {
	Name      *string  `toml:"name,omitempty" json:"name,omitempty"`
	Interface *string  `toml:"interface,omitempty" json:"interface,omitempty"`
	Route     *string  `toml:"route,omitempty" json:"route,omitempty"`
	Script    []string `toml:"script,omitempty" json:"script,omitempty"`
	File      *string  `toml:"file,omitempty" json:"file,omitempty"`
	Interval  *string  `toml:"interval,omitempty" json:"interval,omitempty"`
	Timeout   *string  `toml:"timeout,omitempty" json:"timeout,omitempty"`
	Rise      *int     `toml:"rise,omitempty" json:"rise,omitempty"`
	Fall      *int     `toml:"fall,omitempty" json:"fall,omitempty"`
	Initial   *string  `toml:"initial,omitempty" json:"initial,omitempty"`
	User      *string  `toml:"user,omitempty" json:"user,omitempty"`
}

// Notify is a [[notify]] table: a program that is run for events.
type Notify struct {
	Name    *string  `toml:"name,omitempty" json:"name,omitempty"`
	Command []string `toml:"command,omitempty" json:"command,omitempty"`
	Events  []string `toml:"events,omitempty" json:"events,omitempty"`
	Timeout *string  `toml:"timeout,omitempty" json:"timeout,omitempty"`
	User    *string  `toml:"user,omitempty" json:"user,omitempty"`
}

// Timers is the earlier daemon's table of timers.
type Timers struct {
	Advert *int `toml:"advert,omitempty" json:"advert,omitempty"` // seconds
}

// Protocols is the [protocols] table.
type Protocols struct {
	Static []StaticRoute `toml:"static,omitempty" json:"static,omitempty"`
}

// StaticRoute is a [[protocols.static]] table.
type StaticRoute struct {
	Route     *string `toml:"route,omitempty" json:"route,omitempty"`
	Mask      *string `toml:"mask,omitempty" json:"mask,omitempty"`
	NH        *string `toml:"nh,omitempty" json:"nh,omitempty"`
	Metric    *int    `toml:"metric,omitempty" json:"metric,omitempty"`
	MTU       *int    `toml:"mtu,omitempty" json:"mtu,omitempty"`
	Group     *int    `toml:"group,omitempty" json:"group,omitempty"`
	Interface *string `toml:"interface,omitempty" json:"interface,omitempty"`
}

// API is the [api] table.
type API struct {
	Host    *string  `toml:"host,omitempty" json:"host,omitempty"`
	Users   []string `toml:"users,omitempty" json:"users,omitempty" conf:"users"`
	Secret  *string  `toml:"secret,omitempty" json:"secret,omitempty" conf:"secret"`
	TLS     *bool    `toml:"tls,omitempty" json:"tls,omitempty"`
	TLSKey  *string  `toml:"tls_key,omitempty" json:"tls_key,omitempty"`
	TLSCert *string  `toml:"tls_cert,omitempty" json:"tls_cert,omitempty"`
}

// SSH is the [ssh] table.
type SSH struct {
	Listen         *string `toml:"listen,omitempty" json:"listen,omitempty"`
	AuthorizedKeys *string `toml:"authorized_keys,omitempty" json:"authorized_keys,omitempty"`
	HostKey        *string `toml:"host_key,omitempty" json:"host_key,omitempty"`
}

// General returns a copy with the keys of the top level only.
func (f *File) General() *File {
	g := *f
	v := reflect.ValueOf(&g).Elem()
	for _, field := range fieldsOf(v.Type()) {
		if at := v.Field(field.index); isTable(at.Type()) || isTables(at.Type()) {
			at.SetZero()
		}
	}
	return g.Clone()
}

// Realtime is the [realtime] table.
type Realtime struct {
	Priority   *int  `toml:"priority,omitempty" json:"priority,omitempty"`
	LockMemory *bool `toml:"lock_memory,omitempty" json:"lock_memory,omitempty"`
}

// Metrics is the [metrics] table.
type Metrics struct {
	Enabled *bool `toml:"enabled,omitempty" json:"enabled,omitempty"`
}

// Clone returns a deep copy.
func (f *File) Clone() *File {
	return clone(reflect.ValueOf(f)).Interface().(*File)
}

// Equal tells whether both files say the same. An unset list equals an empty one.
func (f *File) Equal(other *File) bool {
	if f == nil || other == nil {
		return f == other
	}
	return equal(reflect.ValueOf(f), reflect.ValueOf(other))
}

// Redacted returns a copy in which secrets, and the hashes of users, are replaced
// by Mask.
func (f *File) Redacted() *File {
	r := f.Clone()
	redact(reflect.ValueOf(r).Elem())
	return r
}

// Mask stands for secrets wherever a configuration is shown.
const Mask = "********"

// FlexibleBool is a boolean that may also be written as the string "true" or "false".
type FlexibleBool bool
