// Package sniff decodes captured frames for people who look for what is wrong with the VRRP on a
// link: unlike a router it does not stop at the first fault of a packet, but names all of them. It
// reads capture files in pcap and pcapng format.
package sniff
