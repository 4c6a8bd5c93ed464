#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-only
# Prints the version of this source: the release in main.go; from git, with commits since its tag, also how many and which, as in
# 0.9.0+12.g1a2b3c4. Debian sorts that between this release and the next.
set -eu
top=$(dirname "$0")/..
release=$(sed -n 's/^var version = "\(.*\)"$/\1/p' "$top/main.go")
since=$(git -C "$top" describe --tags --match "v$release" --dirty 2>/dev/null | sed "s/^v$release-*//; s/-/./g") || since=
echo "$release${since:++$since}"
