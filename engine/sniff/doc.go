// SPDX-License-Identifier: GPL-3.0-only

// Package sniff decodes captured frames, to find faults in the VRRP traffic of a
// link. Unlike a router it does not stop at the first fault of a packet, but lists all of them. It
// reads capture files in pcap and pcapng format.
package sniff
