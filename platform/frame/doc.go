// Package frame builds and parses the Ethernet frames of a VRRP router: adverts, gratuitous
// ARP and unsolicited Neighbor Advertisements. It allocates nothing when it is given a buffer
// with room. 802.1Q tags are left to the operating system.
package frame
