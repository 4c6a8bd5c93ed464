// SPDX-License-Identifier: GPL-3.0-only

package completions

import "strings"

type foreignWords struct{ words, hint string }

// foreign maps words of other network operating systems to the way to do the same here. "*" stands for any word. The first entry that
// fits counts, so longer ones come first.
var foreign = []foreignWords{
	// Files and configurations.
	{"write erase", "\"load replace terminal\" in configure mode, Ctrl-D at once, and \"commit\" empty the configuration"},
	{"copy * *", "\"commit\" writes the configuration file; in configure mode \"save FILE\" writes another one, \"load replace FILE\" reads one"},
	{"copy *", "\"commit\" writes the configuration file; in configure mode \"save FILE\" writes another one, \"load replace FILE\" reads one"},
	{"configure replace", "\"load replace FILE\", in configure mode, and \"commit\""},
	{"configure confirm", "\"confirm\""},
	{"configure revert", "\"rollback 1\", in configure mode, and \"commit\""},
	{"erase", "\"load replace terminal\" in configure mode, Ctrl-D at once, and \"commit\" empty the configuration"},
	{"commit-archive", "\"show history commits\" lists the commits, which are all kept on the router"},
	{"commit abort", "\"discard\""},
	{"commit timer", "\"commit confirmed MINUTES\""},
	{"commit at", "a commit takes effect at once; \"commit confirmed MINUTES\" rolls back by itself"},
	{"compare *", "\"compare rollback N\" compares with the configuration N commits ago"},
	{"load set", "\"load merge FILE\" reads a file of commands, too"},
	{"load update", "\"load replace FILE\"; a commit touches only what differs"},
	{"set *", "a setting is typed without \"set\", in configure mode"},
	{"set", "a setting is typed without \"set\", in configure mode"},
	{"delete", "\"no\" and the setting, in configure mode, removes it"},
	{"edit", "\"interface NAME\" and \"vrrp N\", in configure mode, go down, \"exit\" and \"top\" go up"},
	{"up", "\"exit\" goes up one mode, \"top\" to the top"},
	{"annotate", "\"commit comment TEXT\" and \"description TEXT\" keep a comment"},
	{"comment", "\"commit comment TEXT\" and \"description TEXT\" keep a comment"},
	{"deactivate", "\"shutdown\" in the virtual router switches it off"},
	{"activate", "\"no shutdown\" in the virtual router switches it on"},
	{"insert", "the order of settings has no meaning"},
	{"protect", "\"configure exclusive\" refuses the commits of others"},
	{"status", "\"show sessions\" lists who edits"},
	{"abort", "\"discard\" and \"end\" leave configure mode without a change"},
	{"exit *", "\"discard\" and \"end\" leave configure mode without a change"},
	{"show | *", "\"show changes\""},
	{"wildcard", "every setting is typed by itself"},

	// The system.
	{"enable secret", "\"api user NAME level 9\", in configure mode, creates an administrator"},
	{"enable password", "\"api user NAME level 9\", in configure mode, creates an administrator"},
	{"enable", "every user has a level: \"show sessions\" shows yours"},
	{"disable", "every user has a level: \"show sessions\" shows yours"},
	{"username", "\"api user NAME level N\""},
	{"user", "\"api user NAME level N\""},
	{"password", "\"password\", in exec mode, changes yours; \"api user NAME level N\" those of others"},
	{"system host-name", "\"hostname NAME\""},
	{"system", "\"hostname\", \"api user\", \"ssh\" and \"logging\" are the settings of the system"},
	{"reload", "\"restart\" replaces this process with the installed release; \"commit confirmed MINUTES\" is for risky changes"},
	{"reboot", "\"restart\" replaces this process with the installed release; the host is rebooted from its own shell"},
	{"poweroff", "the host is shut down from its own shell"},
	{"request", "\"restart\" replaces this process with the installed release, \"vrrp resign\" gives up Master"},
	{"reset vrrp", "\"clear vrrp statistics\" resets counters, \"vrrp resign\" gives up Master"},
	{"clear counters", "\"clear vrrp statistics\""},
	{"clear arp", "the neighbours are the host's: \"ip neigh flush\" in its own shell"},
	{"clear ip", "routes and neighbours are the host's; \"clear vrrp statistics\" resets counters"},
	{"clear interfaces", "\"clear vrrp statistics\" resets the counters of virtual routers"},
	{"help", "\"?\" at any place of a line lists what can follow"},
	{"list", "\"?\" at any place of a line lists what can follow"},
	{"bash", "the host's own shell is outside of the router"},
	{"start", "the host's own shell is outside of the router"},
	{"file", "\"load\" and \"save\", in configure mode, read and write files of the router"},
	{"dir", "\"load\" and \"save\", in configure mode, read and write files of the router"},
	{"more", "\"show startup-config\" shows the configuration file"},
	{"cat", "\"show startup-config\" shows the configuration file"},
	{"ssh *", "this shell does not log in to other hosts: \"ssh listen\", in configure mode, serves it over SSH"},
	{"telnet", "this shell does not log in to other hosts"},
	{"ping * rapid", "pings are sent one a second: \"count N\" sends more"},
	{"ping * timeout", "a ping waits as long as the system's program does"},
	{"mtr", "\"traceroute HOST\""},
	{"test", "\"show vrrp explain\" and \"commit check\" say what the router does or would do"},
	{"monitor start", "\"terminal monitor\" shows log messages as they are written"},
	{"monitor stop", "\"terminal no monitor\""},
	{"monitor log", "\"terminal monitor\" shows log messages as they are written"},
	{"monitor interface", "\"monitor vrrp interface NAME\" shows its virtual routers live, \"show interfaces counters\" counters"},
	{"debug ip", "\"debug vrrp packets\" or \"debug vrrp events\""},
	{"debug vrrp *", "\"debug vrrp packets\" or \"debug vrrp events\""},
	{"debug all", "\"debug vrrp packets\" and \"debug vrrp events\""},
	{"traceoptions", "\"logging level\", \"debug vrrp packets\""},
	{"generate", "\"ssh\" creates its host key by itself; \"vrrpsh passwd\" in the host's shell makes lines for users"},
	{"crypto", "\"ssh\" creates its host key by itself; \"api tls-certificate\" names a certificate"},

	// What show shows.
	{"show standby", "\"show vrrp\" is the same here"},
	{"show glbp", "\"show vrrp\""},
	{"show keepalived", "\"show vrrp\""},
	{"show high-availability", "\"show vrrp\"; \"show running-config\" shows the configuration"},
	{"show system *", "\"show history commits\", \"show commit\", \"show sessions\" and \"show resources\" show the state of the system"},
	{"show rollback", "\"show configuration revision N\" shows one"},
	{"show archive", "\"show history commits\" lists past configurations"},
	{"show processes", "\"show resources\" shows memory and processor time"},
	{"show memory", "\"show resources\" shows memory and processor time"},
	{"show environment", "\"show resources\" shows memory and processor time"},
	{"show inventory", "\"show version\""},
	{"show hardware", "\"show version\""},
	{"show chassis", "\"show version\" and \"show resources\""},
	{"show platform", "\"show version\""},
	{"show privilege", "\"show sessions\" shows your level"},
	{"show ip ospf", "this is a VRRP router; \"show ip route\" shows its static routes"},
	{"show ip bgp", "this is a VRRP router; \"show ip route\" shows its static routes"},
	{"show bgp", "this is a VRRP router; \"show ip route\" shows its static routes"},
	{"show ospf", "this is a VRRP router; \"show ip route\" shows its static routes"},
	{"show cdp", "\"show vrrp\" shows the routers that are heard, \"show neighbors\" the host's neighbours"},
	{"show lldp", "\"show vrrp\" shows the routers that are heard, \"show neighbors\" the host's neighbours"},
	{"show mac", "\"show neighbors\" shows the neighbours of the host"},
	{"show vlan", "\"show interfaces\""},
	{"show hostname", "\"show version\" and \"show clock\""},
	{"show ntp", "\"show clock\"; the host keeps the time"},
	{"show line", "\"show sessions\""},
	{"show ssh", "\"show sessions\""},
	{"show daemons", "\"show version\" and \"show resources\""},
	{"show file", "\"show startup-config\" shows the configuration file"},
	{"show flash", "\"show startup-config\" shows the configuration file"},
	{"show boot", "\"show startup-config\" shows the configuration file"},

	// Settings of a virtual router.
	{"interface range *", "one interface at a time: \"copy interface NAME to NAME\" copies its virtual routers"},
	{"interfaces ethernet", "\"interface NAME\""},
	{"high-availability", "\"interface NAME\" and \"vrrp N\""},
	{"fhrp", "\"version 3\" in the virtual router"},
	{"vrrp * ip *", "\"vrrp N\", and \"vip ADDRESS\" in it"},
	{"vrrp * ipv6 *", "\"vrrp N ipv6\", and \"vip ADDRESS\" in it"},
	{"vrrp *", "virtual routers are configured in configure mode: \"interface NAME vrrp N\""},
	{"vrrp-group", "\"vrrp N\", below the interface"},
	{"vrrp-inet6-group", "\"vrrp N ipv6\", below the interface"},
	{"vrid", "\"vrrp N\", below the interface"},
	{"standby", "\"vrrp N\", below the interface"},
	{"unit", "\"interface NAME\", and \"vrrp N\" below it"},
	{"family", "\"vrrp N\" is for IPv4, \"vrrp N ipv6\" for IPv6"},
	{"address-family", "\"vrrp N\" is for IPv4, \"vrrp N ipv6\" for IPv6"},
	{"ip address", "interfaces have the addresses of the host; \"vip ADDRESS\" adds a virtual one"},
	{"ipv6 address", "interfaces have the addresses of the host; \"vip ADDRESS\" adds a virtual one"},
	{"ip *", "\"vip ADDRESS\" adds a virtual address, \"ip route PREFIX NEXT-HOP\" a static route"},
	{"ipv4", "\"vip ADDRESS\""},
	{"ipv6", "\"vip ADDRESS\" in \"vrrp N ipv6\""},
	{"address", "\"vip ADDRESS\""},
	{"virtual-address", "\"vip ADDRESS\""},
	{"virtual-inet6-address", "\"vip ADDRESS\" in \"vrrp N ipv6\""},
	{"virtual-link-local-address", "\"vip ADDRESS\", the link-local address first, in \"vrrp N ipv6\""},
	{"excluded-address", "\"vip ADDRESS\": an advert holds up to 255 addresses"},
	{"priority-level", "\"priority N\""},
	{"authentication-type", "\"auth rfc2338-simple\""},
	{"authentication-key", "\"auth rfc2338-simple secret\""},
	{"authentication *", "\"auth rfc2338-simple secret\"; VRRPv3 has no authentication"},
	{"authentication", "\"auth rfc2338-simple secret\"; VRRPv3 has no authentication"},
	{"advertise-interval", "\"timers advertise TIME\", in seconds or such as 500ms"},
	{"advertisement-interval", "\"timers advertise TIME\", in seconds or such as 500ms"},
	{"advertisement", "\"timers advertise TIME\", in seconds or such as 500ms"},
	{"fast-interval", "\"timers advertise TIME\", such as 500ms"},
	{"inet6-advertise-interval", "\"timers advertise TIME\", such as 500ms"},
	{"timers learn", "VRRPv3 learns the interval of the Master by itself (RFC 9568)"},
	{"timers advertise msec", "\"timers advertise 500ms\""},
	{"timers delay", "\"preempt delay TIME\""},
	{"preempt delay minimum", "\"preempt delay TIME\""},
	{"preempt hold-time", "\"preempt delay TIME\""},
	{"hold-time", "\"preempt delay TIME\""},
	{"no-preempt", "\"no preempt\""},
	{"accept-data", "\"accept-mode\"; it is on by default"},
	{"no-accept-data", "\"no accept-mode\""},
	{"match-address", "\"rfc3768\" accepts adverts with other addresses"},
	{"vrrpv2", "\"version 2\""},
	{"checksum-with-ipv4-pseudoheader", "\"checksum with-pseudo-header\""},
	{"rfc3768-compatibility", "\"iftype macvlan\" uses the virtual MAC address"},
	{"hello-source-address", "\"unicast source ADDRESS\""},
	{"peer-address", "\"unicast peer ADDRESS\""},
	{"transition-script", "\"notify NAME command PROGRAM\" runs a program for events"},
	{"health-check", "\"track NAME script PROGRAM\" creates a tracked object, \"track NAME\" in the virtual router uses it"},
	{"disable", "\"shutdown\""},
	{"name", "\"description TEXT\""},
	{"switchport", "the host configures its interfaces"},
	{"mtu", "the host configures its interfaces"},
	{"encapsulation", "the host configures its interfaces"},
	{"protocols", "\"ip route PREFIX NEXT-HOP\" adds a static route"},
	{"routing-options", "\"ip route PREFIX NEXT-HOP\" adds a static route"},
	{"router", "this is a VRRP router; \"ip route\" adds a static route"},
	{"line", "\"ssh\" and \"api\" are the ways in; \"terminal\" sets up a session"},
	{"log syslog", "\"logging host ADDRESS\", \"logging file FILE\""},
	{"log file", "\"logging file FILE\""},
	{"logging buffered", "the router keeps the last thousand messages: \"show logging\"; \"logging level\" sets which"},
	{"logging trap", "\"logging level\" sets which messages there are, for all destinations"},
	{"logging console", "\"terminal monitor\" shows log messages in a session"},
	{"logging monitor", "\"terminal monitor\" shows log messages in a session"},
	{"logging source-interface", "the host's routes choose the source address"},
	{"logging facility", "messages to log hosts have the facility daemon"},
	{"logging severity", "\"logging level\" sets which messages there are"},
	{"logging on", "the log is always on; \"logging level\" sets how much"},
	{"logging *", "\"logging host ADDRESS\", \"logging file FILE\", \"logging level\""},
	{"service", "\"api\", \"ssh\" and \"metrics\" are the services; \"logging time-format\" sets time stamps"},
	{"snmp-server", "\"metrics enabled\" serves metrics, \"api\" the state"},
	{"ntp", "the host keeps the time"},
	{"clock", "\"logging time-zone\" sets the time zone; the host keeps the time"},
	{"aaa", "\"api user NAME level N\""},
	{"management", "\"api\", \"ssh\" and \"metrics\" are the services"},
}

// foreignPipes is the same for pipes.
var foreignPipes = []foreignWords{
	{"display set", "\"show running-config\" shows commands already"},
	{"display xml", "\"json\" shows data"},
	{"display commit-scripts", "\"json\" shows data"},
	{"display *", "\"json\" shows data, \"show running-config toml\" the file"},
	{"redirect", "\"save FILE\" writes to a file on the router"},
	{"tee", "\"save FILE\" writes to a file on the router"},
	{"append", "\"save FILE\" writes to a file on the router"},
	{"trim", "\"include\" and \"exclude\" choose lines"},
	{"hold", "\"terminal length\" sets the length of a page"},
	{"resolve", "addresses are shown as numbers"},
	{"refresh", "\"monitor vrrp\" is live"},
	{"strip-private", "secrets are masked already"},
	{"more", "long output stops after a page already; \"no-more\" does not stop"},
	{"nz", "\"exclude RE\" leaves lines out"},
	{"diff", "\"compare rollback N\" compares configurations"},
	{"head", "\"begin\" and \"last\" choose lines"},
	{"tail", "\"last N\""},
	{"wc", "\"count\""},
	{"sort", "the output is sorted already"},
	{"awk", "\"json\" is for programs"},
	{"less", "long output stops after a page already"},
}

// abroad returns the hint for words of another system, abbreviated to at least two letters, that end with the token that did not parse or after it.
// They may follow commands that enter a mode. sure tells that there is no doubt: that token is a whole word of another system, after words that it
// has there.
func abroad(list []foreignWords, tokens []token, failed int) (hint string, whole, sure bool) {
	for i := range failed + 1 {
		for _, f := range list {
			words := strings.Fields(f.words)
			if i+len(words) <= failed || i+len(words) > len(tokens) {
				continue
			}
			fits := true
			for j, w := range words {
				typed := strings.ToLower(tokens[i+j].text)
				fits = fits && (w == "*" || len(typed) >= 2 && strings.HasPrefix(w, typed))
			}
			exact := words[failed-i] == strings.ToLower(tokens[failed].text)
			if fits && (hint == "" || exact && !whole) {
				hint, whole, sure = f.hint, exact, exact && len(words) > 1
			}
		}
		if hint != "" {
			break
		}
	}
	return hint, whole, sure
}
