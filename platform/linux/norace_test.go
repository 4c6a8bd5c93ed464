//go:build linux && !race

package linux

const raceDetector = false
