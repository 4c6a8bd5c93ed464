//go:build !linux

package process

import "time"

func uptime() (string, time.Duration) { return "", 0 }
