// SPDX-License-Identifier: GPL-3.0-only

//go:build !linux

package process

import "golang.org/x/sys/unix"

const uptimeClock = unix.CLOCK_MONOTONIC

func bootName() string { return "" }
