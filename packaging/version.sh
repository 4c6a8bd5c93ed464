#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-only
# Prints the version of this source: the release in main.go; from git, with commits since then, also how many and which, as in
# 0.9.0+12.g1a2b3c4. Debian sorts that between this release and the next. They count from the tag of the release or, without one, from the
# commit that gave main.go its version.
set -eu
top=$(dirname "$0")/..
release=$(sed -n 's/^var version = "\(.*\)"$/\1/p' "$top/main.go")
since=$(git -C "$top" describe --tags --match "v$release" --dirty 2>/dev/null) || {
  from=$(git -C "$top" log -1 --format=%H -G '^var version = ' -- main.go 2>/dev/null) || from=
  if [ -n "$from" ]; then
    count=$(git -C "$top" rev-list --count "$from..HEAD")
    [ "$count" = 0 ] || since=$count-g$(git -C "$top" rev-parse --short HEAD)
    git -C "$top" diff --quiet HEAD -- || since=${since:+$since-}dirty
  fi
}
since=$(echo "$since" | sed "s/^v$release-*//; s/-/./g")
echo "$release${since:++$since}"
