// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"encoding/json"
	"fmt"
	"time"
)

// Scenario is all that a run depends on: the same one has the same trace.
type Scenario struct {
	Seed     uint64    // of what is left to chance
	LANs     int       // eth0 of each machine is on the first, and so on
	Machines []Machine // r1 and so on
	Rates    Rates     // of the faults that come by chance
	Steps    []Step    // by time
	// Chaos is how long it takes until everything is repaired. From then on all must become well within a time, and stay so.
	Chaos Duration
}

// Machine is a router of a Scenario.
type Machine struct {
	Config string // TOML, at the start
	Final  string // what it shall run when everything is repaired
	Off    bool   // it is not started at the beginning
}

// Rates say which faults come by chance, and how often: parts from 0 to 1 are of the messages or calls.
type Rates struct {
	Loss, Duplicate, Corrupt float64  `json:",omitzero"`
	Delay, Jitter            Duration `json:",omitzero"` // of messages; jitter can reorder them
	Late                     Duration `json:",omitzero"` // of programs for their timers, at most
	News                     Duration `json:",omitzero"` // until the program learns of changes of interfaces, at most
	Kernel                   float64  `json:",omitzero"` // of the calls of the kernel that fail
	Done                     float64  `json:",omitzero"` // of these, those that are carried out nevertheless
	KernelTime               Duration `json:",omitzero"` // that kernel work takes, at most
	Disk                     float64  `json:",omitzero"` // of the calls of the disk that fail
	DiskTime                 Duration `json:",omitzero"` // that each takes, at most
}

// Step is something that is done to a machine, or to the network.
type Step struct {
	At Duration
	Do Op
	On int // the machine, from 0
	// Name is of an interface, an address, a call or whatever else Op is about.
	Name string   `json:",omitzero"`
	Text string   `json:",omitzero"` // a configuration in TOML, or a line for a session
	N    int64    `json:",omitzero"`
	For  Duration `json:",omitzero"`
}

// Op is what a Step does.
type Op string

// What can be done. The arguments are those of Step.
const (
	OpCommit   Op = "commit"   // Text; For: to be confirmed within that time; N 1: not over a file that was written by hand
	OpConfirm  Op = "confirm"  // confirm what waits for it
	OpEdit     Op = "edit"     // a comment is written into the file, by hand
	OpHangUp   Op = "hang up"  // whoever commits goes away
	OpReload   Op = "reload"   // Text becomes the file, by hand, and is loaded
	OpSession  Op = "session"  // Text: lines for a session, of which the first error ends it; they change the priority of the virtual router Name to N
	OpRollback Op = "rollback" // to the configuration N commits before
	OpResign   Op = "resign"   // every Master of the group N
	OpClear    Op = "clear"    // the counters

	OpStart   Op = "start"
	OpStop    Op = "stop"
	OpKill    Op = "kill"    // as kill -9 does; For: until it is started again, 0: never; N: by how many seconds the wall clock is stepped meanwhile
	OpPower   Op = "power"   // is lost; For: the same
	OpRestart Op = "restart" // hitless; For: what the next program takes to start; N: by how many seconds the wall clock is stepped meanwhile
	OpStall   Op = "stall"   // the program does not run; For: how long
	OpCrashAt Op = "crash"   // at the Nth change of the disk from now on: the program is killed, or with Name "power" the machine; For: until started again

	OpStep  Op = "clock" // the wall clock, by For
	OpDrift Op = "drift" // N parts per million
	OpCut   Op = "cut"   // messages to the machine N, or from everybody else: -1, on LAN Name, both ways or with For 1 one way
	OpMend  Op = "mend"  // all cuts
	OpTrack Op = "track" // object Name: N 1 is up, 0 down, else the weight of a file in N-1000
	OpPing  Op = "ping"  // bystanders ask for the address Name
	OpJunk  Op = "junk"  // a bystander sends nonsense: N says which
	OpRogue Op = "rogue" // a bystander sends adverts with priority N to the virtual router Text, about which it lies as Name says; For: for so long

	OpUnplug  Op = "unplug" // interface Name
	OpPlug    Op = "plug"
	OpDown    Op = "down"
	OpUp      Op = "up"
	OpDelete  Op = "delete"  // it comes back after For, as another one, or with N 1 with its index
	OpMAC     Op = "mac"     // changes
	OpMTU     Op = "mtu"     // N
	OpAddr    Op = "addr"    // Text comes, or goes with N 1
	OpLose    Op = "lose"    // the virtual address or macvlan Name is removed from outside
	OpUnroute Op = "unroute" // the route to Name is removed from outside
	OpOverrun Op = "overrun" // notifications are lost

	OpCall Op = "call" // the calls Name of the kernel fail, from the Nth on, for For; without For: once. "name!": they are carried out; Text EINVAL: in a way that lasts
	OpDisk Op = "disk" // the calls Name of the disk fail with the error Text, from the Nth on, for For; without For: once; Name may be a part that refuses a configuration
)

// Duration is a time.Duration that is text in JSON.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// String returns for example "1.5s".
func (d Duration) String() string { return time.Duration(d).String() }

// String returns the Step as it stands in traces.
func (s Step) String() string {
	text := fmt.Sprintf("r%d %s", s.On+1, s.Do)
	if s.Name != "" {
		text += " " + s.Name
	}
	if s.N != 0 {
		text += fmt.Sprintf(" n=%d", s.N)
	}
	if s.For != 0 {
		text += " for " + s.For.String()
	}
	if s.Text != "" {
		text += fmt.Sprintf(" %q", s.Text)
	}
	return text
}

// ParseScenario reads what Scenario.JSON has written.
func ParseScenario(b []byte) (*Scenario, error) {
	s := new(Scenario)
	if err := unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	return s, nil
}

func unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

// JSON returns the Scenario for ParseScenario.
func (s *Scenario) JSON() []byte { return marshal(s) }

func marshal(v any) []byte {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		panic(err) // there is nothing in it that has no JSON
	}
	return append(b, '\n')
}
