// SPDX-License-Identifier: GPL-3.0-only

// Command unfit is a release that says it is one, accepts every configuration and cannot take over.
package main

import (
	"errors"
	"fmt"
	"os"

	"vrrpsh/platform/process"
)

func main() {
	switch os.Args[1] {
	case "version":
		fmt.Println("vrrpsh unfit")
	case "check", "check-handover":
	default:
		in, err := process.Inherited()
		if err == nil {
			err = in.Return(in.Document, errors.New("it is unfit"))
		}
		fmt.Fprintln(os.Stderr, "unfit:", err)
		os.Exit(1)
	}
}
