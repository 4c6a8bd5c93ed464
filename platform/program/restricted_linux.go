// SPDX-License-Identifier: GPL-3.0-only

package program

import "golang.org/x/sys/unix"

// restricted reports whether programs cannot gain rights that this process lacks, as under the systemd unit (NoNewPrivileges=).
func restricted() bool {
	is, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return err == nil && is == 1
}
