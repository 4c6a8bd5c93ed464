// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"vrrpsh/completions"
	"vrrpsh/platform/printable"
	"vrrpsh/platform/process"
)

// Limits of ping and traceroute, so that no user can flood a network through the router. Each sends one packet or less a second or waits for
// an answer.
const (
	pingCount       = 5
	viewerPings     = 20   // the highest count of users who are not operators
	viewerPingSize  = 1472 // octets
	userReaches     = 1    // at a time, for each user
	allReaches      = 4    // at a time
	reachWait       = 2 * time.Second
	pingGrace       = 10 * time.Second // to find the host, and for the last answer
	tracerouteLimit = 2 * time.Minute
)

// reaching limits how many programs run that reach for other hosts.
type reaching struct {
	users *process.Quota
	all   chan struct{}
}

func newReaching() reaching {
	return reaching{process.NewQuota(userReaches, reachWait), make(chan struct{}, allReaches)}
}

// enter waits for a place and returns a function that frees it.
func (r *reaching) enter(ctx context.Context, user string) (leave func(), err error) {
	left, err := r.users.Enter(ctx, user)
	if err != nil {
		if errors.Is(err, process.ErrQuota) {
			err = failed("Another ping or traceroute of %s is running", user)
		}
		return nil, err
	}
	select {
	case r.all <- struct{}{}:
		return func() { <-r.all; left() }, nil
	default:
		left()
		return nil, failed("Others are running %d of these commands already", allReaches)
	}
}

func ping(c *call) error {
	count, size := pingCount, 56
	if n, err := strconv.Atoi(c.step.Value("count")); err == nil {
		count = n
	}
	if n, err := strconv.Atoi(c.step.Value("size")); err == nil {
		size = n
	}
	if c.session.user.Level < completions.Operator && (count > viewerPings || size > viewerPingSize) {
		return failed("Viewers can send %d pings of %d octets", viewerPings, viewerPingSize)
	}
	args := []string{"-n", "-c", strconv.Itoa(count), "-s", strconv.Itoa(size)}
	args = append(args, c.familyOption()...)
	if source := c.step.Value("source"); source != "" {
		args = append(args, sourceOption, source)
	}
	return c.reach("ping", args, time.Duration(count)*time.Second+pingGrace)
}

func traceroute(c *call) error {
	args := append([]string{"-n", "-w", "2", "-m", "30"}, c.familyOption()...)
	if source := c.step.Value("source"); source != "" {
		if _, err := netip.ParseAddr(source); err != nil {
			args = append(args, "-i", source)
		} else {
			args = append(args, "-s", source)
		}
	}
	return c.reach("traceroute", args, tracerouteLimit)
}

// sourceOption is the option of ping for the source; on Linux it may be an interface.
var sourceOption = map[bool]string{true: "-I", false: "-S"}[runtime.GOOS == "linux"]

// familyOption returns the option for IPv6.
func (c *call) familyOption() []string {
	a, err := netip.ParseAddr(c.step.Value("host"))
	if c.step.Has("ipv6") || err == nil && a.Is6() {
		return []string{"-6"}
	}
	return nil
}

// reach runs a program of the system that sends packets to a host, and shows what it writes.
func (c *call) reach(name string, args []string, limit time.Duration) error {
	s := c.session
	if s.env.RunProgram == nil {
		return failed("%s is not available here", capital(name))
	}
	leave, err := s.registry.reaching.enter(c.ctx, s.user.Name)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	said := lines{ctx: ctx, c: make(chan string)}
	done := make(chan error, 1)
	go func() {
		done <- s.env.RunProgram(ctx, name, append(args, "--", c.step.Value("host")), &said)
	}()
	show := func(text string) error {
		c.printf("%s", printable.Lines(strings.ReplaceAll(text, "\t", " ")))
		return c.flush()
	}
	for {
		select {
		case text := <-said.c:
			if err := show(text); err != nil {
				cancel()
				return errors.Join(err, <-done)
			}
		case err := <-done:
			var status interface{ ExitCode() int }
			switch {
			case c.ctx.Err() != nil:
				return c.ctx.Err()
			case ctx.Err() != nil:
				return failed("%s took longer than %s", capital(name), span(limit))
			case errors.As(err, &status) && status.ExitCode() > 0: // the program has said why
				return failed("%s failed with exit status %d", capital(name), status.ExitCode())
			case err != nil:
				return failed("%v", err)
			}
			return nil
		}
	}
}

// lines passes what is written to it to a reader, as long as ctx lasts.
type lines struct {
	ctx context.Context
	c   chan string
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	select {
	case l.c <- string(b):
		return len(b), nil
	case <-l.ctx.Done():
		return 0, l.ctx.Err()
	}
}
