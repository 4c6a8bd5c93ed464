// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"

	"vrrpsh/conf"
	"vrrpsh/platform/program"
)

// runProgram runs a program of the system for a user of the shell, as the user nobody and without a shell, with no more privilege than raw
// sockets.
func runProgram(ctx context.Context, name string, args []string, out io.Writer) error {
	path := program.Find(name)
	if path == "" {
		return fmt.Errorf("%s is not installed on this host", name)
	}
	p := program.Program{Command: append([]string{path}, args...), UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), Output: out, RawSockets: true}
	if os.Geteuid() == 0 {
		nobody, err := user.Lookup(conf.DefaultUser)
		if err != nil {
			return err
		}
		uid, errUID := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(nobody.Gid, 10, 32)
		if errUID != nil || errGID != nil {
			return fmt.Errorf("the user %s has no number", conf.DefaultUser)
		}
		p.UID, p.GID = uint32(uid), uint32(gid)
	}
	_, err := program.Run(ctx, p)
	return err
}
