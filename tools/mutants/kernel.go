// SPDX-License-Identifier: GPL-3.0-only

package main

// The packages that judge faults of the work with the kernel: its tests need root and make network namespaces of their own.
var byLinux = []string{"./platform/linux"}

// linux are the mutants of the platform.
var linux = []set{
	{"platform/linux/apply.go", byLinux, []mutant{
		{fault: "a Backup keeps its IPv4 addresses", old: `first = append(first, s.uninstall(j, p))`, new: `_ = first`},
		{fault: "a refused address is no error", old: `j.fail("add "+p.String(), err)`, new: `_ = err`},
		{fault: "an interface keeps the virtual MAC address", old: `if !j.want.Active && j.e.ownMAC != nil {`, new: `if false {`},
		{fault: "nothing is recorded for the next start", old: `if err := s.record(changed); err != nil {`, new: `if err := s.record(false); err != nil {`},
		{fault: "accept_mode = false has no effect", old: `		s.shut(jobs)
`, new: ``},
		{fault: "a failed removal is forgotten", old: `		if j.err == nil {
			s.registry.drop(j.e)
			changed`, new: `		if true {
			s.registry.drop(j.e)
			changed`},
	}},
	{"platform/linux/reconcile.go", byLinux, []mutant{
		{fault: "a comparison does not find what is lost", old: `lost = v.missing(entries)`, new: `_ = v.missing`},
		{fault: "a macvlan does not follow the MTU of its interface", old: `if m.MTU != parent.MTU {`, new: `if false {`},
	}},
	{"platform/linux/members.go", byLinux, []mutant{
		{fault: "nobody notices that a membership is lost", old: `joined != nil && !joined[link]`, new: `false`},
	}},
	{"platform/linux/intake.go", byLinux, []mutant{
		{fault: "urgent packets raise no alarm", old: `urgent = append(urgent, alarmKey(link, v))`, new: `_ = v`},
		{fault: "a flood stays with the others", old: `in.isolations.noisy = append(in.isolations.noisy, c)`, new: `_ = c`},
		{fault: "a new VRID waits for its filter", old: `if r := in.needed(); r.within(&in.accepted) {`, new: `if true {`},
		{fault: "packets of other VRIDs on an interface are received", old: `ok := c.passes(p)`, new: `ok := true`},
		{fault: "isolated packets come before older ones of the main socket", old: `	for in.unread && in.budget > 0 {
		in.budget--`, new: `	if n, err := in.recvIsolated(p, false); n > 0 || err != nil {
		return n, err
	}
	for in.unread && in.budget > 0 {
		in.budget--`},
	}},
	{"platform/linux/watch.go", byLinux, []mutant{
		{fault: "lost notifications lead to no comparison", old: `v.diverged = true // notifications may have been lost`, new: ``},
	}},
	{"platform/linux/recover.go", byLinux, []mutant{
		{fault: "what a killed router left stays", old: `= s.recoverLeft(s.sole)`, new: `= error(nil)`},
	}},
}
