// SPDX-License-Identifier: GPL-3.0-only

// Package frame builds and parses the Ethernet frames of a VRRP router: adverts, gratuitous
// ARP and unsolicited Neighbor Advertisements. It allocates nothing if the caller's buffer
// is large enough. The operating system handles 802.1Q tags.
package frame
