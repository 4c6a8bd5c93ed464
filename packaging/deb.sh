#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-only
# Builds dist/vrrpsh_VERSION_ARCH.deb from the binary. usage: deb.sh BINARY VERSION [ARCH [PROGRAM]]
# PROGRAM is the same release for this machine, if BINARY is for another one.
set -eu
binary=$1
version=$2
arch=${3:-$(dpkg --print-architecture)}
program=${4:-$binary}
here=$(dirname "$0")
top=$here/..
out=$top/dist
root=$(mktemp -d)
chmod 0755 "$root" # it becomes the package's /
trap 'rm -rf "$root"' EXIT
# The same source produces the same package, byte for byte.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
umask 022

doc=$root/usr/share/doc/vrrpsh
install -D -m 0755 "$binary" "$root/usr/sbin/vrrpsh"
ln -s vrrpsh "$root/usr/sbin/vrrpsh-login"
install -D -m 0644 "$here/vrrpsh.service" "$root/usr/lib/systemd/system/vrrpsh.service"
install -D -m 0644 "$here/apparmor" "$root/etc/apparmor.d/usr.sbin.vrrpsh"
install -D -m 0644 "$here/debian/logrotate" "$root/etc/logrotate.d/vrrpsh"
install -d -m 0755 "$root/etc/vrrpsh"
for shell in bash:bash-completion/completions/vrrpsh zsh:zsh/vendor-completions/_vrrpsh fish:fish/vendor_completions.d/vrrpsh.fish; do
  mkdir -p "$(dirname "$root/usr/share/${shell#*:}")"
  "$program" completion "${shell%%:*}" > "$root/usr/share/${shell#*:}"
done
install -D -m 0644 "$here/debian/copyright" "$doc/copyright"
install -D -m 0644 "$top/conf/reference.toml" "$doc/examples/reference.toml"
install -m 0644 "$here/more-rights.conf" "$doc/examples/more-rights.conf"
install -D -m 0644 -t "$doc/examples/ansible" "$top"/docs/examples/ansible/*
install -m 0644 "$top"/docs/*.md "$doc/"
install -m 0644 "$top/CHANGELOG.md" "$doc/CHANGELOG.md"
gzip -9n > "$doc/changelog.gz" <<EOF
vrrpsh ($version) unstable; urgency=medium

  * What has changed is in CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' "$here/debian/control")  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
EOF
for page in vrrpsh.8 vrrpsh-login.8 vrrpsh.toml.5; do
  mkdir -p "$root/usr/share/man/man${page##*.}"
  gzip -9n < "$top/docs/$page" > "$root/usr/share/man/man${page##*.}/$page.gz"
done
install -D -m 0644 "$here/debian/lintian-overrides" "$root/usr/share/lintian/overrides/vrrpsh"

mkdir "$root/DEBIAN"
size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" "$here/debian/control" > "$root/DEBIAN/control"
printf '%s\n' /etc/apparmor.d/usr.sbin.vrrpsh /etc/logrotate.d/vrrpsh > "$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 0755 "$here/debian/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find usr etc -type f -exec md5sum {} + | sort -k2) > "$root/DEBIAN/md5sums"

mkdir -p "$out"
dpkg-deb ${DPKG_DEB_OPTIONS:-} --root-owner-group --build "$root" "$out/vrrpsh_${version}_$arch.deb"
