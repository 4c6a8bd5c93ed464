// Package engine holds many virtual routers: Core is their owner, Snapshot what
// can be seen of them, Event what happened to them.
//
// Like engine/vrrp it is pure: time comes in with every call, effects go out as
// data in an Output, and package driver carries them out.
package engine
