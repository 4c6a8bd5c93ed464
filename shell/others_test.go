// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

// otherLine is a line that users of other network operating systems type. It works, and prints want, or hints at the command that does.
type otherLine struct {
	where string // the commands that lead to the mode, separated by ";"
	line  string
	works bool
	want  string // in the output, with line ends as blanks
}

const (
	exec  = ""
	inCfg = "configure"
	inIf  = "configure;interface eth0"
	inVR  = "configure;interface eth0;vrrp 1"
)

func works(where, line, want string) otherLine { return otherLine{where, line, true, want} }
func hints(where, line, want string) otherLine { return otherLine{where, line, false, want} }

// othersWords are the lines, by the system that they come from. Words of several systems stand at one of them.
var othersWords = map[string][]otherLine{
	"IOS-XE": {
		works(exec, "sh run", "vip 10.0.0.100/24"),
		works(exec, "sh run int eth0", "interface eth0 vrrp 1"),
		works(exec, "sh run | s vrrp", "vrrp 1"),
		works(exec, "sh run | i vip", "vip 10.0.0.102"),
		works(exec, "sh run | e vip", "priority 150"),
		works(exec, "sh run | b interface", "interface eth0"),
		works(exec, "sh run | count vip", "Count: 2 lines"),
		works(exec, "sh vrrp", "Group 1"),
		works(exec, "sh vrrp br", "MASTER"),
		works(exec, "sh vrrp brief all", "MASTER"),
		works(exec, "sh vrrp all", "Group 2"),
		works(exec, "sh vrrp 1", "Group 1"),
		works(exec, "sh vrrp eth0", "Group 1"),
		works(exec, "sh vrrp eth0 1", "Group 1"),
		works(exec, "sh vrrp int eth0", "Group 1"),
		works(exec, "sh vrrp statistics", "Adverts sent"),
		hints(exec, "sh standby brief", `"show vrrp"`),
		works(exec, "sh ip int br", "10.0.0.2/24"),
		works(exec, "sh int status", "eth0"),
		works(exec, "sh int eth0", "eth0"),
		works(exec, "sh track br", ""),
		works(exec, "sh users", "admin"),
		works(exec, "sh ver", "vrrpsh"),
		works(exec, "sh clock", "2026"),
		works(exec, "sh log", ""),
		works(exec, "show logging level error", ""),
		works(exec, "clear logging", ""),
		works(exec, "sh arp", "02:00:00:00:00:0a"),
		works(exec, "sh ip arp", "02:00:00:00:00:0a"),
		works(exec, "sh ipv6 neighbors", "fe80::9"),
		works(exec, "sh int counters", "700 octets"),
		works(exec, "sh tech", "show vrrp brief"),
		hints(exec, "sh proc cpu", `"show resources"`),
		hints(exec, "sh memory", `"show resources"`),
		hints(exec, "sh inventory", `"show version"`),
		hints(exec, "sh privilege", `"show sessions"`),
		hints(exec, "sh archive", `"show history commits"`),
		hints(exec, "sh cdp neighbors", `"show neighbors"`),
		works(exec, "conf t", ""),
		works(inVR, "do wr", "saved in"),
		works(exec, "wr", "saved in"),
		works(exec, "wr mem", "saved in"),
		works(exec, "write memory", "every commit writes this file"),
		works(exec, "write terminal", "vip 10.0.0.100/24"),
		hints(exec, "password", "no user of the configuration"),
		works(exec, "show running-config secrets", "hunter2"),
		hints(exec, "write erase", `"load replace`),
		works(exec, "copy run start", "saved in"),
		works(exec, "copy running-config startup-config", "saved in"),
		hints(exec, "copy run tftp:", `"save FILE"`),
		hints(exec, "copy run flash:backup", `"save FILE"`),
		hints(exec, "configure replace flash:backup", `"load replace FILE"`),
		hints(exec, "configure confirm", `"confirm"`),
		hints(exec, "reload", `"restart"`),
		hints(exec, "reload in 5", `"commit confirmed MINUTES"`),
		hints(exec, "enable", "every user has a level"),
		hints(exec, "disable", "every user has a level"),
		works(exec, "terminal length 0", ""),
		works(exec, "terminal width 511", ""),
		works(exec, "terminal monitor", ""),
		works(exec, "term no mon", ""),
		works(exec, "u all", ""),
		hints(exec, "debug vrrp all", `"debug vrrp packets"`),
		hints(exec, "clear counters", `"clear vrrp statistics"`),
		hints(exec, "dir", `"load" and "save"`),
		hints(exec, "ssh 10.0.0.1", "does not log in"),
		hints(exec, "telnet 10.0.0.1", "does not log in"),
		hints(exec, "!!", "Ctrl-P"),
		works(exec, "ping 10.0.0.1", "ran ping"),
		works(exec, "ping 10.0.0.1 repeat 3 size 100 source eth0", "ran ping"),
		works(exec, "traceroute 10.0.0.1", "ran traceroute"),
		works(inVR, "do ping 10.0.0.1", "ran ping"),
		hints(exec, "interface eth0", "configure mode"),
		hints(exec, "vrrp 1", "interface NAME vrrp N"),
		hints(exec, "sh run | redirect flash:x", `"save FILE"`),
		hints(exec, "sh run | tee flash:x", `"save FILE"`),
		works(inIf, "vrrp 1 priority 120", ""),
		works(inIf, "vrrp 1 preempt", ""),
		works(inIf, "no vrrp 1", ""),
		works(inIf, "vrrp 1 timers advertise 5", ""),
		works(inIf, "vrrp 1 description LAN side", ""),
		works(inIf, "vrrp 1 shutdown", ""),
		hints(inIf, "vrrp 1 ip 10.0.0.1", `"vrrp N", and "vip ADDRESS" in it`),
		hints(inIf, "vrrp 1 ip 10.0.0.1 secondary", `"vrrp N", and "vip ADDRESS" in it`),
		hints(inIf, "vrrp 1 address-family ipv4", `"vrrp N ipv6"`),
		hints(inIf, "vrrp 1 authentication text cisco", `"auth rfc2338-simple secret"`),
		hints(inIf, "vrrp 1 authentication md5 key-string cisco", `"auth rfc2338-simple secret"`),
		hints(inIf, "vrrp 1 timers advertise msec 500", `"timers advertise 500ms"`),
		hints(inIf, "vrrp 1 timers learn", "by itself"),
		hints(inIf, "vrrp 1 preempt delay minimum 30", `"preempt delay TIME"`),
		hints(inIf, "ip 10.0.0.1", `"vip ADDRESS"`),
		hints(inIf, "ip address 10.0.0.2 255.255.255.0", "addresses of the host"),
		hints(inIf, "standby 1 ip 10.0.0.1", `"vrrp N"`),
		hints(inVR, "address 10.0.0.1 primary", `"vip ADDRESS"`),
		hints(inVR, "match-address", `"rfc3768"`),
		hints(inVR, "vrrpv2", `"version 2"`),
		hints(inVR, "authentication text cisco", `"auth rfc2338-simple secret"`),
		hints(inCfg, "fhrp version vrrp v3", `"version 3"`),
		hints(inCfg, "int range eth0 - 3", "one interface at a time"),
		hints(inCfg, "interface range eth0,eth1", "one interface at a time"),
		hints(inCfg, "username joe privilege 15 secret x", `"api user NAME level N"`),
		hints(inCfg, "enable secret x", `"api user NAME level 9"`),
		hints(inCfg, "line vty 0 4", `"ssh"`),
		hints(inCfg, "snmp-server community public", `"metrics enabled"`),
		hints(inCfg, "ntp server 10.0.0.9", "the host keeps the time"),
		works(inCfg, "banner motd ^CAuthorised users only^C", ""),
		works(inCfg, "banner login #Authorised users only#", ""),
		hints(inCfg, "banner motd #", `"first line\nsecond line"`),
		works(inCfg, "alias exec sb show vrrp brief", ""),
		works(exec, "show aliases", "Alias"),
		hints(inCfg, "service timestamps", `"logging time-format"`),
		hints(inCfg, "logging buffered 100000", `"show logging"`),
		works(inCfg, "logging host 10.0.0.9", ""),
		works(inCfg, "logging host 10.0.0.9 transport tcp port 601", ""),
		hints(inCfg, "logging 10.0.0.9", `"logging host ADDRESS"`),
		works(exec, "show logging hosts", "not sent"),
		hints(inCfg, "logging trap debugging", `"logging level"`),
		hints(inCfg, "logging console", `"terminal monitor"`),
		hints(inCfg, "router ospf 1", `"ip route"`),
		hints(inCfg, "router bgp 65000", `"ip route"`),
		hints(inCfg, "ip vrf x", `"ip route`),
		works(inCfg, "ip route 10.9.0.0/16 10.0.0.9", ""),
		works(inCfg, "hostname r9", ""),
		works(inCfg, "do sh vrrp br", "MASTER"),
		works(inVR, "quit", ""),
	},
	"EOS": {
		works(exec, "show vrrp summary", "MASTER"),
		works(exec, "show vrrp interface eth0 brief", "MASTER"),
		works(exec, "show vrrp group 1", "Group 1"),
		works(exec, "show interfaces description", "eth0"),
		works(exec, "show interfaces eth0 counters", "700 octets"),
		works(exec, "show running-config | json", "vrouter"),
		works(exec, "show uptime", "uptime"),
		works(exec, "configure session", ""),
		hints(exec, "bash", "outside of the router"),
		hints(inIf, "vrrp 1 ipv4 10.0.0.1", `"vip ADDRESS"`),
		hints(inIf, "vrrp 1 priority-level 150", `"priority N"`),
		hints(inIf, "vrrp 1 advertisement interval 2", `"timers advertise TIME"`),
		hints(inCfg, "abort", `"discard"`),
		hints(inCfg, "commit timer 00:05:00", `"commit confirmed MINUTES"`),
		hints(exec, "show run | nz", `"exclude RE"`),
		hints(exec, "show hostname", `"show version"`),
		hints(inCfg, "management api http-commands", `"api"`),
	},
	"Junos": {
		works(exec, "show configuration", "vip 10.0.0.100/24"),
		hints(exec, "show configuration | display set", "shows commands already"),
		works(exec, "show configuration | display json", "vrouter"),
		hints(exec, "show configuration | display xml", `"json"`),
		works(exec, "show configuration | match vip", "10.0.0.102"),
		works(exec, "show configuration | except vip", "priority 150"),
		works(exec, "show configuration | find interface", "interface eth0"),
		works(exec, "show configuration | count", "Count:"),
		works(exec, "show configuration | last 1", ""),
		works(exec, "show configuration | no-more", "interface eth0"),
		hints(exec, "show configuration | trim 4", `"include"`),
		works(exec, "show vrrp extensive", "Group 2"),
		works(exec, "show vrrp detail", "Group 2"),
		works(exec, "show vrrp summary", "MASTER"),
		works(exec, "show vrrp track", ""),
		works(exec, "show interfaces terse", "10.0.0.2/24"),
		works(exec, "show route", ""),
		works(exec, "show log messages", ""),
		works(exec, "show log messages | last 10", ""),
		works(exec, "show system uptime", "uptime"),
		works(exec, "show system users", "admin"),
		works(exec, "show system commit", "Revision"),
		works(exec, "show system rollback 0", "interface eth0"),
		hints(exec, "show system processes", `"show resources"`),
		hints(exec, "show chassis hardware", `"show version"`),
		hints(exec, "request system reboot", `"restart"`),
		hints(exec, "request system software add", `"restart"`),
		hints(exec, "monitor start messages", `"terminal monitor"`),
		hints(exec, "start shell", "outside of the router"),
		hints(exec, "file show /etc/hosts", `"load" and "save"`),
		hints(exec, "help topic vrrp", `"?"`),
		works(exec, "ping 10.0.0.1 count 3", "ran ping"),
		hints(exec, "ping 10.0.0.1 rapid", "one a second"),
		works(exec, "set cli screen-length 0", ""),
		works(exec, "set cli screen-width 0", ""),
		works(exec, "configure private", ""),
		works(exec, "configure exclusive", ""),
		works(inCfg, "run show vrrp summary", "MASTER"),
		works(inCfg, "exit configuration-mode", ""),
		works(inCfg, "show | compare", ""),
		works(inCfg, "commit check", "valid"),
		works(inCfg, "rollback 0", ""),
		works(inCfg, "copy interfaces eth0 to eth1", ""),
		works(inCfg, "rename interfaces eth0 to eth1", ""),
		works(inCfg, "commit and-quit", "No changes"),
		works(inCfg, "load merge terminal", "Ctrl-D"),
		works(inCfg, "load replace terminal", "Ctrl-D"),
		works(inVR, "top", ""),
		hints(inVR, "up", `"exit"`),
		hints(inCfg, "set interfaces ge-0/0/0 unit 0 family inet", "without \"set\""),
		hints(inCfg, "delete interfaces ge-0/0/0", `"no"`),
		hints(inCfg, "edit interfaces ge-0/0/0", `"interface NAME"`),
		hints(inCfg, "annotate vrrp why", `"commit comment TEXT"`),
		hints(inCfg, "deactivate interfaces ge-0/0/0", `"shutdown"`),
		hints(inCfg, "activate interfaces ge-0/0/0", `"no shutdown"`),
		hints(inCfg, "insert x before y", "no meaning"),
		hints(inCfg, "load set terminal", `"load merge`),
		hints(inCfg, "status", `"show sessions"`),
		hints(inCfg, "commit at 22:00", "at once"),
		hints(inIf, "vrrp-group 1", `"vrrp N"`),
		hints(inIf, "unit 0 family inet address 10.0.0.2/24", `"interface NAME"`),
		hints(inVR, "virtual-address 10.0.0.1", `"vip ADDRESS"`),
		hints(inVR, "accept-data", `"accept-mode"`),
		hints(inVR, "no-preempt", `"no preempt"`),
		hints(inVR, "fast-interval 100", `"timers advertise TIME"`),
		hints(inVR, "advertise-interval 1", `"timers advertise TIME"`),
		hints(inVR, "authentication-type md5", `"auth rfc2338-simple"`),
		hints(inVR, "authentication-key x", `"auth rfc2338-simple secret"`),
		hints(inVR, "preempt hold-time 30", `"preempt delay TIME"`),
		hints(inCfg, "protocols ospf area 0", `"ip route`),
		hints(inCfg, "system host-name r9", `"hostname NAME"`),
	},
	"VyOS": {
		works(exec, "show configuration commands", "interface eth0"),
		works(exec, "show configuration | grep vip", "10.0.0.102"),
		works(exec, "show configuration | grep -v vip", "priority 150"),
		works(exec, "show configuration | grep -i INTERFACE", "interface eth0"),
		works(exec, "show interfaces", "eth0"),
		works(exec, "show ip route static", ""),
		works(exec, "show date", "2026"),
		works(exec, "show neighbors", "02:00:00:00:00:0a"),
		hints(exec, "monitor log", `"terminal monitor"`),
		hints(exec, "restart vrrp", ""),
		hints(exec, "reset vrrp master interface eth0", `"vrrp resign"`),
		hints(exec, "reboot", `"restart"`),
		hints(exec, "poweroff", "host"),
		hints(exec, "generate ssh server-key", `"vrrpsh passwd"`),
		works(exec, "set terminal length 0", ""),
		works(inCfg, "compare", ""),
		works(inCfg, "compare 0", ""),
		works(inCfg, "save", "saved in"),
		works(inCfg, "commit-confirm 5", "No changes"),
		hints(inCfg, "exit discard", `"discard"`),
		hints(inCfg, "set high-availability vrrp group a vrid 10", "without \"set\""),
		hints(inVR, "vrid 10", `"vrrp N"`),
		hints(inVR, "hello-source-address 10.0.0.2", `"unicast source ADDRESS"`),
		hints(inVR, "peer-address 10.0.0.3", `"unicast peer ADDRESS"`),
		hints(inVR, "rfc3768-compatibility", `"iftype macvlan"`),
		works(inVR, "preempt delay 30", ""),
		hints(inVR, "excluded-address 10.0.0.1", `"vip ADDRESS"`),
		hints(inVR, "transition-script master /x", `"notify NAME`),
		hints(inVR, "health-check script /x", `"track NAME script`),
		works(inVR, "sync-group edge", ""),
		works(inVR, "priority 200", ""),
	},
	"vtysh": {
		works(exec, "sh run", "vrrp 1"),
		works(exec, "write file", "saved in"),
		works(exec, "show vrrp interface eth0 1", "Group 1"),
		works(exec, "show interface brief", "eth0"),
		works(exec, "show ipv6 interface brief", "eth0"),
		works(exec, "who", "admin"),
		hints(exec, "list", `"?"`),
		hints(exec, "show daemons", `"show version"`),
		hints(exec, "show bgp summary", "this is a VRRP router"),
		works(inIf, "vrrp 5 version 3", ""),
		hints(inIf, "vrrp 5 ip 10.0.0.5", `"vrrp N", and "vip ADDRESS" in it`),
		hints(inIf, "vrrp 5 ipv6 2001:db8::5", `"vrrp N ipv6", and "vip ADDRESS" in it`),
		hints(inIf, "vrrp 5 advertisement-interval 1000", `"timers advertise TIME"`),
		hints(inIf, "vrrp 5 checksum-with-ipv4-pseudoheader", `"checksum with-pseudo-header"`),
		hints(inCfg, "log syslog informational", `"logging host ADDRESS"`),
		works(inCfg, "log file /var/log/frr.log", ""),
	},
}

// TestWordsOfOthers types what users of other systems type.
func TestWordsOfOthers(t *testing.T) {
	lines := 0
	for system, list := range othersWords {
		for _, tt := range list {
			lines++
			t.Run(system+"/"+tt.line, func(t *testing.T) {
				env := hostEnv(t, sampleFile)
				env.RunProgram = func(_ context.Context, name string, _ []string, out io.Writer) error {
					fmt.Fprintf(out, "ran %s\n", name)
					return nil
				}
				s := newSession(t, env, admin)
				for l := range strings.SplitSeq(tt.where, ";") {
					must(t, s, l)
				}
				out := answering()
				status := s.Execute(t.Context(), tt.line, out.io(0))
				said := strings.Join(strings.Fields(out.String()), " ")
				if (status == Done) != tt.works || !strings.Contains(strings.ToLower(said), strings.ToLower(tt.want)) {
					t.Errorf("status %d, want %q in\n%s", status, tt.want, out.String())
				}
			})
		}
	}
	if lines < 80 {
		t.Errorf("only %d lines", lines)
	}
}
