// SPDX-License-Identifier: GPL-3.0-only

//go:build linux && !race

package linux

const raceDetector = false
