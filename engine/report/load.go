// SPDX-License-Identifier: GPL-3.0-only

package report

// Load is the load since the start of the router's loop, which sends and receives every advert.
type Load struct {
	Received      uint64      `json:"received"`   // adverts, before any check
	Sent          uint64      `json:"sent"`       // adverts
	Late          []LateClass `json:"late"`       // deadlines, by how late the loop was for them
	TotalLate     float64     `json:"total_late"` // seconds, as all times here; the sum over the deadlines
	MaxLate       float64     `json:"max_late"`
	LongestTurn   float64     `json:"longest_turn"`
	KernelQueue   int         `json:"kernel_queue"`   // virtual routers whose kernel state is to be changed
	AnnounceQueue int         `json:"announce_queue"` // announcements that wait to be sent
	// KernelFault is what could not be done in the kernel the last time, and is tried again.
	KernelFault string `json:"kernel_fault,omitempty"`
}

// LateClass counts the deadlines that the loop met late by more than the class before and at most UpTo.
type LateClass struct {
	UpTo  float64 `json:"up_to,omitempty"` // seconds; 0: any
	Count uint64  `json:"count"`
}
