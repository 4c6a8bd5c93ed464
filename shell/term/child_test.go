// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vrrpsh/shell"
	"vrrpsh/shell/term"
)

// The line editor keeps process-wide state and needs a controlling terminal, so each test starts this binary again
// on a pseudo-terminal, as a small shell around a scripted conversation.

const childEnv = "TERM_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// child runs the terminal. SIGUSR1 ends its context, SIGUSR2 sends a notice, SIGALRM lets "hold" continue, and
// SIGTERM restores the terminal from outside.
func child() int {
	ctx, cancel := context.WithCancel(context.Background())
	conv := &scripted{notices: make(chan string), release: make(chan struct{})}
	sigs := make(chan os.Signal, 8)
	signal.Notify(sigs, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTERM)
	go func() {
		n := 0
		for s := range sigs {
			switch s {
			case syscall.SIGUSR1:
				cancel()
			case syscall.SIGALRM:
				conv.release <- struct{}{}
			case syscall.SIGTERM:
				term.Restore()
				term.Restore()
				fmt.Println("\nrun: restored")
				os.Exit(0)
			default:
				n++
				conv.notices <- fmt.Sprintf("*** notice %d\x1b[31m", n)
			}
		}
	}()
	err := term.Run(ctx, conv, term.Options{HistoryFile: os.Getenv("TERM_TEST_HISTORY"), HistorySize: 5})
	switch {
	case err == nil:
		fmt.Println("run: ended")
	case errors.Is(err, context.Canceled):
		fmt.Println("run: canceled")
	default:
		msg, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Println("run:", msg)
	}
	return 0
}

// words are the words of the scripted conversation.
var words = []shell.Suggestion{
	{Text: "show", Help: "Show things", Literal: true},
	{Text: "shutdown", Help: "Shut down", Literal: true},
	{Text: "say", Help: "Say something", Literal: true},
	{Text: "Élan", Help: "Not ASCII", Literal: true},
}

var things = []shell.Suggestion{
	{Text: "<1-255>", Help: "A number"},
	{Text: "interfaces", Help: "The interfaces", Literal: true},
	{Text: "standby", Help: "The others", Literal: true},
	{Text: "statistics", Help: "The counters", Literal: true},
	{Text: "vrrp", Help: "The groups", Literal: true},
	{Text: "version", Help: "The version", Literal: true},
}

type scripted struct {
	mu     sync.Mutex
	config bool
	ended  bool
	page   *int
	quiet  bool
	plain  bool
	lost   error
	prompt string
	cols   int

	notices chan string
	release chan struct{}
	once    sync.Once
}

func (c *scripted) Prompt() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.prompt != "":
		return c.prompt
	case c.config:
		return "r1(config)# "
	}
	return "r1# "
}

func (c *scripted) Ended() bool            { c.mu.Lock(); defer c.mu.Unlock(); return c.ended }
func (c *scripted) Notices() <-chan string { return c.notices }
func (c *scripted) Close() error           { return nil }
func (c *scripted) Plain() bool            { c.mu.Lock(); defer c.mu.Unlock(); return c.plain }
func (c *scripted) Suggestions() bool      { c.mu.Lock(); defer c.mu.Unlock(); return !c.quiet }
func (c *scripted) Err() error             { c.mu.Lock(); defer c.mu.Unlock(); return c.lost }
func (c *scripted) Resize(columns, _ int)  { c.mu.Lock(); defer c.mu.Unlock(); c.cols = columns }
func (c *scripted) PageLength() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.page == nil {
		return -1
	}
	return *c.page
}

func (c *scripted) Complete(line string) []shell.Suggestion {
	if line == "panicking" {
		panic("completion is broken")
	}
	first, rest, more := strings.Cut(line, " ")
	list, word := words, first
	if more {
		if strings.Contains(rest, " ") || first != "show" && first != "sh" {
			return nil
		}
		list, word = things, rest
	} else if c.Prompt() == "r1(config)# " {
		list = append([]shell.Suggestion{{Text: "end", Help: "Leave", Literal: true}}, words...)
	}
	var out []shell.Suggestion
	for _, s := range list {
		if !s.Literal || len(s.Text) >= len(word) && strings.EqualFold(s.Text[:len(word)], word) {
			out = append(out, s)
		}
	}
	return out
}

func (c *scripted) Help(line string) string {
	if line == "broken" {
		panic("help is broken")
	}
	var b strings.Builder
	if line == "long" {
		for i := range 100 {
			fmt.Fprintf(&b, "  help line %d\n", i)
		}
		return b.String()
	}
	for _, s := range c.Complete(line) {
		fmt.Fprintf(&b, "  %-12s%s\n", s.Text, s.Help)
	}
	return b.String()
}

func (c *scripted) Execute(ctx context.Context, line string, sio shell.IO) shell.Status {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "say":
		fmt.Fprintf(sio.Out, "<%s>\n", rest)
	case "many":
		for range 10 {
			fmt.Fprintln(sio.Out, rest)
		}
	case "part":
		fmt.Fprint(sio.Out, rest)
	case "width":
		c.mu.Lock()
		defer c.mu.Unlock()
		fmt.Fprintf(sio.Out, "width %d, told %d\n", sio.Width, c.cols)
	case "lines":
		n, _ := strconv.Atoi(rest)
		for i := range n {
			if _, err := fmt.Fprintf(sio.Out, "line %d\n", i+1); err != nil {
				fmt.Fprintf(sio.Err, "stopped at %d\n", i+1)
				return shell.Failed
			}
		}
		fmt.Fprintln(sio.Err, "all written")
	case "endless":
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := fmt.Fprintf(sio.Out, "tick %d\n", i); err != nil {
				break
			}
		}
		fmt.Fprintln(sio.Err, "interrupted")
	case "table": // until Ctrl-C; the number of rows changes at each SIGALRM
		n, _ := strconv.Atoi(rest)
		for ; ctx.Err() == nil; n++ {
			var b strings.Builder
			fmt.Fprintf(&b, "%d rows\n\ntitles\n", n)
			for i := range n {
				fmt.Fprintf(&b, "row %d %s\n", i+1, []string{"MASTER", "BACKUP"}[i%2])
				if i%10 == 9 {
					fmt.Fprintln(&b, "  continued")
				}
			}
			if err := sio.Show(b.String()); err != nil {
				break
			}
			select {
			case <-c.release:
			case <-ctx.Done():
			}
		}
	case "live":
		for i := 0; ctx.Err() == nil; i++ {
			text := fmt.Sprintf("tick %d\n%s\nlast \x1b[2Jline\n", i, strings.Repeat("wide ", 100))
			if err := sio.Show(text); err != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Fprintln(sio.Err, "left")
	case "work": // in two stages, without output in between, until Ctrl-C
		sio.Progress("first\x1bly")
		<-c.release
		fmt.Fprintln(sio.Out, "first done")
		sio.Progress("then")
		<-ctx.Done()
		fmt.Fprintln(sio.Err, "interrupted")
		return shell.Failed
	case "nomore":
		sio.NoMore()
		return c.Execute(ctx, rest, sio)
	case "hold": // until SIGALRM, whatever is typed
		fmt.Fprintln(sio.Out, "holding")
		<-c.release
		fmt.Fprintln(sio.Out, "held")
	case "wait":
		fmt.Fprintln(sio.Out, "waiting")
		<-ctx.Done()
		fmt.Fprintln(sio.Err, "interrupted")
		return shell.Failed
	case "ask", "secret":
		fmt.Fprint(sio.Out, "A question. ")
		a, err := sio.Ask(ctx, rest+"? ", word == "secret")
		if err != nil {
			fmt.Fprintf(sio.Out, "error %v\n", err)
			return shell.Failed
		}
		fmt.Fprintf(sio.Out, "answer <%s>\n", a)
	case "configure":
		c.config = true
	case "end":
		c.config = false
		fmt.Fprintln(sio.Out, "at the end")
	case "exit":
		c.ended = !c.config
		c.config = false
	case "length":
		n, _ := strconv.Atoi(rest)
		c.page = &n
	case "quiet":
		c.quiet = true
	case "terminal":
		if c.plain = rest == "plain"; os.Getenv("TERM_TEST_OLD") != "" {
			c.plain = false
			return shell.BadSyntax
		}
	case "prompt":
		c.prompt = rest + " "
	case "lose":
		c.lost = errors.New("the router has gone")
		c.once.Do(func() { close(c.notices) })
	case "unreachable":
		fmt.Fprintln(sio.Err, "% Lost the router")
		c.lost = errors.New("the router has gone")
		return shell.Unreachable
	case "again":
		fmt.Fprintln(sio.Out, term.Run(ctx, c, term.Options{}))
	case "panic":
		panic("a command is broken")
	default:
		fmt.Fprintf(sio.Err, "%% Unknown: %s\n", line)
		return shell.BadSyntax
	}
	return shell.Done
}
