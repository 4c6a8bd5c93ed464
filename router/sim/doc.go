// SPDX-License-Identifier: GPL-3.0-only

// Package sim runs whole routers on a simulated network: driver, actuator, configuration manager with its history,
// sessions and the API's handlers are those of the program. The kernel is package fake's, the disk and the clocks are
// here, and all of them fail when they are told to.
//
// One scheduler in virtual time decides what happens next, in one goroutine at a time: a Scenario, which a seed makes, has
// the same trace every time. Meanwhile a checker watches wire, kernels, events, plans and commits, and notes what should
// not be. Shrink makes a Scenario that shows a violation smaller.
package sim
