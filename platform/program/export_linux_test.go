// SPDX-License-Identifier: GPL-3.0-only

package program

// WithoutControlGroups calls f while programs get no control groups.
func WithoutControlGroups(f func()) {
	own := ownControlGroup
	ownControlGroup = func() string { return "" }
	defer func() { ownControlGroup = own }()
	f()
}

// ControlGroups reports whether programs get control groups here.
func ControlGroups() bool { return ownControlGroup() != "" }

var ChildrenOf = childrenOf
