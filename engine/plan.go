// SPDX-License-Identifier: GPL-3.0-only

package engine

import "slices"

// settings is a set of settings that differ between two configurations of the
// same virtual router.
type settings uint32

const (
	setVersion settings = 1 << iota
	setType
	setVIFName
	setVMAC
	setAddresses
	setPriority
	setPreemption
	setPreemptDelay
	setInterval
	setAuthType
	setSecret
	setLenient
	setChecksum
	setRepeat
	setDelay
	setRefresh
	setFilter
	setDescription
	setShutdown
	setNetDrv
	setTrack
	setSyncGroup
	setAcceptMode
	setAcceptPing
	setUnicast
	setAdvertMAC
)

// restarting settings change the kernel state, or how the peers see the virtual router.
const restarting = setVersion | setType | setVIFName | setVMAC | setNetDrv

// kind says whether these settings can change in place or need a restart.
func (s settings) kind() ChangeKind {
	if s&restarting != 0 {
		return Restarted
	}
	return ChangedInPlace
}

// compare returns the settings in which two configurations of a virtual router differ.
func compare(a, b *VirtualRouter) settings {
	p, q := &a.Protocol, &b.Protocol
	var s settings
	set := func(bit settings, same bool) {
		if !same {
			s |= bit
		}
	}
	set(setVersion, p.Version == q.Version)
	set(setType, a.Type == b.Type)
	set(setVIFName, a.VIFName == b.VIFName)
	set(setVMAC, a.VMAC == b.VMAC)
	set(setAddresses, slices.Equal(a.Addresses, b.Addresses) && slices.Equal(p.Addresses, q.Addresses))
	set(setPriority, p.Priority == q.Priority)
	set(setPreemption, p.Preempt == q.Preempt)
	set(setPreemptDelay, p.PreemptDelay == q.PreemptDelay)
	set(setInterval, p.Interval == q.Interval)
	set(setAuthType, p.AuthType == q.AuthType)
	set(setSecret, p.Secret == q.Secret)
	set(setLenient, p.Lenient == q.Lenient)
	set(setChecksum, p.Checksum == q.Checksum)
	set(setRepeat, p.Announce.Repeat == q.Announce.Repeat)
	set(setDelay, p.Announce.Delay == q.Announce.Delay)
	set(setRefresh, p.Announce.Refresh == q.Announce.Refresh)
	set(setFilter, a.SocketFilter == b.SocketFilter)
	set(setDescription, a.Description == b.Description)
	set(setShutdown, a.Shutdown == b.Shutdown)
	set(setNetDrv, a.IOCTL == b.IOCTL)
	set(setTrack, slices.Equal(a.Track, b.Track))
	set(setSyncGroup, a.SyncGroup == b.SyncGroup)
	set(setAcceptMode, a.Closed == b.Closed)
	set(setAcceptPing, a.AcceptPing == b.AcceptPing)
	set(setUnicast, p.Unicast.Equal(&q.Unicast))
	set(setAdvertMAC, a.AdvertMAC == b.AdvertMAC)
	return s
}

// Plan returns the changes that Apply would make between two configurations, in the order of
// the new configuration, removals last.
func Plan(from, to Config) []Change {
	old := make(map[Key]*VirtualRouter, len(from.Routers))
	for i := range from.Routers {
		old[from.Routers[i].Key] = &from.Routers[i]
	}
	drawn := resigning(old, to.Routers)
	var changes []Change
	for i := range to.Routers {
		vr := &to.Routers[i]
		change := Change{Key: vr.Key, Kind: Unchanged}
		was, ok := old[vr.Key]
		if !ok {
			change.Kind = Created
			changes = append(changes, change)
			continue
		}
		delete(old, vr.Key)
		if s := compare(was, vr); s != 0 {
			change.Kind = s.kind()
			change.Resigns = change.Kind == Restarted || vr.Shutdown && !was.Shutdown
		}
		if with, ok := drawn[vr.SyncGroup]; ok && !change.Resigns && !vr.Shutdown {
			change.Resigns, change.With = true, with
		}
		if change.Kind != Unchanged || change.Resigns {
			changes = append(changes, change)
		}
	}
	for i := range from.Routers {
		if key := from.Routers[i].Key; old[key] != nil {
			changes = append(changes, Change{Key: key, Kind: Removed, Resigns: true})
		}
	}
	return changes
}

// resigning returns the sync groups that give up Master because a member that stays in them is restarted, each with
// that member.
func resigning(old map[Key]*VirtualRouter, routers []VirtualRouter) map[string]Key {
	var drawn map[string]Key
	for i := range routers {
		vr := &routers[i]
		was := old[vr.Key]
		if was == nil || was.SyncGroup == "" || was.SyncGroup != vr.SyncGroup || was.Shutdown || vr.Shutdown {
			continue
		}
		if compare(was, vr).kind() != Restarted {
			continue
		}
		if drawn == nil {
			drawn = make(map[string]Key)
		}
		if _, known := drawn[was.SyncGroup]; !known {
			drawn[was.SyncGroup] = vr.Key
		}
	}
	return drawn
}
