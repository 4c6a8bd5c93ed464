// Package packaging holds what vrrpsh is installed with, a systemd unit and the parts of a Debian
// package, and tests them.
package packaging
