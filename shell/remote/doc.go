// SPDX-License-Identifier: GPL-3.0-only

// Package remote carries a shell.Conversation over the router's control socket: an HTTP/1.1
// connection on a unix socket that is upgraded to lines of JSON. The server side makes one
// session per client; the client side is a Conversation again, so that terminals and scripts
// work the same against a router in this process and one in another.
package remote
