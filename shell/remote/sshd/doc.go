// SPDX-License-Identifier: GPL-3.0-only

// Package sshd serves the shell over SSH (RFC 4251-4254). Users log in with the passwords and
// levels of the API's users or with public keys, and get a terminal, one command, or a script
// on standard input; nothing else that SSH can carry is on offer: no forwarding, no agent, no
// subsystem, no environment.
//
// It stands on x/crypto/ssh directly, because what a public key permits has to stay with the
// key that was proven, and because every request that has no place here is to be refused.
package sshd
