// SPDX-License-Identifier: GPL-3.0-only

package report

// Load is the load of the router's loop since its start. The loop sends and receives every advert.
type Load struct {
	Received      uint64      `json:"received"`   // adverts, before any check
	Lost          uint64      `json:"lost"`       // adverts that came faster than they were read
	Sent          uint64      `json:"sent"`       // adverts
	Late          []LateClass `json:"late"`       // deadlines, by lateness of the loop
	TotalLate     float64     `json:"total_late"` // the sum over the deadlines; seconds, like all times here
	MaxLate       float64     `json:"max_late"`
	LongestTurn   float64     `json:"longest_turn"`
	KernelQueue   int         `json:"kernel_queue"`   // virtual routers with pending changes of kernel state
	AnnounceQueue int         `json:"announce_queue"` // announcements waiting to be sent
	// KernelFault is the last thing that could not be done in the kernel. The router tries it again.
	KernelFault string `json:"kernel_fault,omitempty"`
}

// LateClass counts the deadlines that the loop met late: by at most UpTo, and by more than the UpTo of
// the previous class.
type LateClass struct {
	UpTo  float64 `json:"up_to,omitempty"` // seconds; 0: any
	Count uint64  `json:"count"`
}
