// SPDX-License-Identifier: GPL-3.0-only

// Package remote carries a shell.Conversation over the router's control socket: an HTTP/1.1
// connection on a Unix socket that is upgraded to lines of JSON. The server creates one session per
// client. The client implements Conversation, so that terminals and scripts work the same with a
// router in this process and with a router in another process.
package remote
