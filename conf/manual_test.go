// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// TestManualReference compares the manual page of the file with the keys.
func TestManualReference(t *testing.T) {
	const page = "../docs/vrrpsh.toml.5"
	golden(t, page, manual())
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("groff is not installed")
	}
	if out, err := exec.Command("groff", "-mandoc", "-Kutf8", "-ww", "-z", page).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// manual returns the manual page of the configuration file.
func manual() string {
	var b bytes.Buffer
	b.WriteString(`.\" Made by "make generate" from the keys in conf.
.Dd November 28, 2026
.Dt VRRPSH.TOML 5
.Os
.Sh NAME
.Nm vrrpsh.toml
.Nd configuration file of the VRRP router vrrpsh
.Sh SYNOPSIS
.Pa /etc/vrrpsh/vrrpsh.toml
.Sh DESCRIPTION
The configuration of
.Xr vrrpsh 8 ,
in TOML, or in JSON with the same keys if the name of the file ends in
.Pa .json .
A missing file is an empty configuration.
A file with a fault is refused as a whole;
.Dq vrrpsh check Ar file
reports every fault.
.Pp
The shell writes the file at each commit.
After editing it by hand,
.Dq vrrpsh reload
or SIGHUP makes it the running configuration.
`)
	eachSchema(func(s *Schema) {
		if s == Root || s.Intro != "" {
			s.manual(&b)
		}
	})
	b.WriteString(`.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/vrrpsh/vrrpsh.toml
The configuration.
.It Pa /usr/share/doc/vrrpsh/examples/reference.toml
Every key with its default.
.El
.Sh EXAMPLES
.Bd -literal
hostname = "r1"

[[vrouter]]
group = 51
interface = "eth0"
vip = "10.0.0.1"
priority = 200
preemption = true
.Ed
.Sh SEE ALSO
.Xr vrrpsh 8 ,
.Xr vrrpsh-login 8
`)
	return b.String()
}

// manual writes the section of a table.
func (s *Schema) manual(b *bytes.Buffer) {
	if s == Root {
		b.WriteString(".Sh GENERAL\n")
	} else {
		header := "[" + s.holder.Path() + "]"
		if _, list := s.holder.Type.(SubTables); list {
			header = "[" + header + "]"
		}
		b.WriteString(".Sh " + header + "\n" + roff(s.Intro))
	}
	b.WriteString(".Bl -tag -width Ds\n")
	s.manualKeys(b, "")
	b.WriteString(".El\n")
}

func (s *Schema) manualKeys(b *bytes.Buffer, above string) {
	for _, k := range s.keys {
		below := k.Type.below()
		if below != nil && !k.inline() {
			continue // has its own section
		}
		fmt.Fprintf(b, ".It Ic %s%s\n%s", above, k.Name, roff(sentence(k.Type.Doc())+". "+sentence(plain(k.meaning()))+"."))
		switch absent := plain(k.absence()); {
		case absent == "required":
			b.WriteString("Required.\n")
		case absent != "":
			b.WriteString(roff("Default: " + absent + "."))
		}
		if below != nil {
			below.manualKeys(b, k.Name+".")
		}
	}
}

// roff returns a text as lines of a manual page, one sentence each.
func roff(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\e`), ". ", ".\n"), "\n") {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
