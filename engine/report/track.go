// SPDX-License-Identifier: GPL-3.0-only

package report

import (
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Track is one tracked object.
type Track struct {
	Name    string    `json:"name"`
	Kind    string    `json:"kind"`   // "interface", "route", "script" or "file"
	Target  string    `json:"target"` // what is tracked
	State   string    `json:"state"`  // "pending", "up" or "down"
	Weight  int       `json:"weight"` // of a file
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since"` // of the last change
	Changes uint64    `json:"changes"`
	Users   []Key     `json:"users"` // virtual routers that depend on it
}

// Key identifies a virtual router.
type Key struct {
	Interface string `json:"interface"`
	Family    string `json:"family"`
	VRID      uint8  `json:"group"`
}

// Tracked is an object that a virtual router depends on.
type Tracked struct {
	Object    string `json:"object"`
	State     string `json:"state"`
	Reason    string `json:"reason,omitempty"`
	Decrement uint8  `json:"decrement,omitempty"`
	// Effect is the current change of the priority. Fails is true if the object stops the virtual router.
	Effect int  `json:"effect"`
	Fails  bool `json:"fails"`
}

// SyncGroup is the sync group of a virtual router.
type SyncGroup struct {
	Name    string `json:"name"`
	Members []Key  `json:"members"`
	Master  bool   `json:"master"`
	// HeldBy is the member that holds the others back. Cause says why this member cannot run, if so.
	HeldBy *Key   `json:"held_by,omitempty"`
	Cause  string `json:"cause,omitempty"`
}

// Tracks lists the tracked objects in configuration order. The list is never nil.
func Tracks(s *engine.Snapshot) []Track {
	list := make([]Track, 0, len(s.Tracks))
	for i := range s.Tracks {
		t := &s.Tracks[i]
		list = append(list, Track{
			Name: t.Object.Name, Kind: t.Object.Kind.String(), Target: t.Object.Target(), State: t.State.String(),
			Weight: t.Weight, Reason: t.Reason, Since: t.Since, Changes: t.Changes, Users: keys(t.Users),
		})
	}
	return list
}

func keys(of []engine.Key) []Key {
	list := make([]Key, 0, len(of))
	for _, k := range of {
		list = append(list, key(k))
	}
	return list
}

func key(k engine.Key) Key {
	return Key{Interface: k.Interface, Family: Family(k.Family), VRID: k.VRID}
}

func tracked(r *engine.RouterStatus) []Tracked {
	list := make([]Tracked, 0, len(r.Tracked))
	for i := range r.Tracked {
		t := &r.Tracked[i]
		list = append(list, Tracked{
			Object: t.Object, State: t.State.String(), Reason: t.Reason,
			Decrement: t.Decrement, Effect: t.Effect(), Fails: t.Fails(),
		})
	}
	return list
}

func syncGroup(r *engine.RouterStatus) *SyncGroup {
	if r.Sync == nil {
		return nil
	}
	s := &SyncGroup{Name: r.Sync.Name, Members: keys(r.Sync.Members), Master: r.Sync.Master}
	if r.Sync.Blocker != (engine.Key{}) {
		k := key(r.Sync.Blocker)
		s.HeldBy = &k
	}
	if r.Sync.Cause != vrrp.CauseNone {
		s.Cause = r.Sync.Cause.String()
	}
	return s
}
