#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-only
# Installs the routers and tools for the end-to-end tests, from Debian's packages. It starts none of their services
# and disables those that the packages enable. It does not touch packages that were installed before.
#
# If it cannot install (not root, not Debian, no network), it prints the consequence for the tests and succeeds, unless
# the tests are required (VRRPSH_E2E=require) and apt-get has failed.
set -euo pipefail

packages=(ansible apparmor curl expect frr gcc iproute2 iputils-ping keepalived kmod libc6-dev nftables openssh-client openssh-server procps
  prometheus python3-netmiko strace tshark user-mode-linux)

say() { echo "peers: $*"; }

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

all_installed() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u; }

if [ "$(uname -s)" != Linux ]; then
  say "the end-to-end tests need Linux: they will be skipped"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  say "not root: nothing is installed, and the end-to-end tests (namespaces, keepalived, FRR) will be skipped"
  exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "not Debian: please install ${packages[*]} by other means; without them the end-to-end tests will be skipped"
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  say "all there: ${packages[*]}"
  exit 0
fi
say "installing ${missing[*]}"

# During the installation invoke-rc.d and deb-systemd-invoke call policy-rc.d and start nothing if it
# exits with 101. An existing policy-rc.d that does so stays; another one is moved aside.
policy=/usr/sbin/policy-rc.d
aside=$policy.before-vrrpsh
work=$(mktemp -d)
made_policy=no
cleanup() {
  if [ "$made_policy" = yes ]; then rm -f "$policy"; fi
  if [ -e "$aside" ]; then mv -f "$aside" "$policy"; fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
denied=0
if [ -x "$policy" ]; then "$policy" frr start >/dev/null 2>&1 || denied=$?; fi
if [ "$denied" -ne 101 ]; then
  if [ -e "$policy" ]; then mv "$policy" "$aside"; fi
  made_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 0755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
all_installed >"$work/before"
if ! "${apt[@]}" update >"$work/log" 2>&1; then
  say "apt-get update failed; trying with the lists that are there"
fi
if ! "${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null >"$work/log" 2>&1; then
  tail -n 20 "$work/log" >&2
  say "apt-get could not install ${missing[*]}: the end-to-end tests will be skipped"
  if [ "${VRRPSH_E2E:-}" = require ]; then exit 1; fi
  exit 0
fi
all_installed >"$work/after"

# Disable the services of the new packages in the same way as the packages do, so that their
# upgrades keep them disabled.
disable() { # package, file of the package
  local name=${2##*/}
  case "$2" in
    /lib/systemd/system/*.* | /usr/lib/systemd/system/*.*)
      if [ -f "$2" ] && compgen -G "/etc/systemd/system/*/$name" >/dev/null; then
        # deb-systemd-helper must be called on behalf of a package.
        DPKG_MAINTSCRIPT_PACKAGE=$1 deb-systemd-helper --quiet disable "$name" >/dev/null
        say "$1: $name left disabled"
      fi
      ;;
    /etc/init.d/*)
      if compgen -G "/etc/rc?.d/S??$name" >/dev/null; then
        update-rc.d "$name" disable >/dev/null 2>&1
        say "$1: init script $name left disabled"
      fi
      ;;
  esac
}
comm -13 "$work/before" "$work/after" >"$work/new"
while read -r package; do
  dpkg -L "$package" >"$work/files"
  while read -r path; do
    disable "$package" "$path"
  done <"$work/files"
done <"$work/new"
say "installed ${missing[*]}"
