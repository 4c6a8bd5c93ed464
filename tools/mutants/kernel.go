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
		{fault: "nobody notices that a membership is lost", old: `joined != nil && !joined[link] || !c.bound()`, new: `!c.bound()`},
	}},
	{"platform/linux/watch.go", byLinux, []mutant{
		{fault: "lost notifications lead to no comparison", old: `v.diverged = true // notifications may have been lost`, new: ``},
	}},
	{"platform/linux/recover.go", byLinux, []mutant{
		{fault: "what a killed router left stays", old: `= s.recoverLeft(s.sole)`, new: `= error(nil)`},
	}},
}
