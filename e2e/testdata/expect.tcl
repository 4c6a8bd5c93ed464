# SPDX-License-Identifier: GPL-3.0-only
# Drives a router with expect, anchored on the prompt: port, user, password.
lassign $argv port user password
set timeout 20
proc fail {what} { global expect_out; puts stderr "$what: $expect_out(buffer)"; exit 1 }
# say types a line and waits for the prompt after its answer.
proc say {line {want ""}} {
  global expect_out spawn_id
  send "$line\r"
  expect -re {# $} {} timeout { fail "$line: no prompt" } eof { fail "$line: the end" }
  if {$want ne "" && ![regexp -line $want $expect_out(buffer)]} { fail "$line: no $want" }
}
spawn ssh -F none -p $port -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o PubkeyAuthentication=no $user@127.0.0.1
expect "assword: " {} timeout { fail "no question for the password" }
say $password
say "show vrrp brief" {^eth0 }
say "show running-config" {^ vrrp 1}
say "configure" {\(config\)# $}
say "interface eth0 vrrp 1 priority 80" {\(config\*\)# $}
say "commit" {^Commit \d+ complete}
say "end" {^r1# $}
send "exit\r"
expect eof {} timeout { fail "exit" }
