#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-only
# The main job as an engineer types it, inside the namespace of a router. $1 is a directory with r1.toml.
set -euo pipefail
cd "$1"

vrrpsh -m1 -c r1.toml -s "$1/r1.sock" </dev/null &
router=$!
trap 'kill "$router" 2>/dev/null || true; wait "$router" || true' EXIT

master() { vrrpsh -s "$1/r1.sock" exec show vrrp brief 2>/dev/null | grep -q MASTER; }
for _ in $(seq 200); do
  master "$1" && break
  sleep 0.05
done

echo '--- brief'
vrrpsh -s "$1/r1.sock" exec show vrrp brief
echo '--- commit'
printf 'configure\ninterface eth0 vrrp 51 priority 50\ncommit\nend\n' | vrrpsh -s "$1/r1.sock" exec
echo '--- api'
curl -s --unix-socket "$1/r1.sock" http://r1/run/vrrp
echo
