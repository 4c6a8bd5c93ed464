// SPDX-License-Identifier: GPL-3.0-only

// Package sshd serves the shell over SSH (RFC 4251-4254). Users log in with the passwords and
// levels of the API's users or with public keys. They get a terminal, one command, or a script on
// standard input. The server offers nothing else that SSH supports: no forwarding, no agent, no
// subsystem, no environment.
//
// The package uses x/crypto/ssh directly, because the permissions of a public key must stay with
// the key that the client has proven, and because the server must refuse every other request.
package sshd
