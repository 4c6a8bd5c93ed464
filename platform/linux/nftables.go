// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// filterTable is the name of our nftables tables. Another router in the same network namespace appends its process ID.
	filterTable = "vrrpsh"
	// filterBatch limits the elements of sets in one message.
	filterBatch  = 500
	filterBuffer = 1 << 20
	// filterTime is far longer than a transaction takes.
	filterTime = 10 * time.Second
)

// filterTableName returns the table name for this run.
func filterTableName(sole bool) string {
	if sole {
		return filterTable
	}
	return fmt.Sprintf("%s-%d", filterTable, os.Getpid())
}

// filterSocket is a connection to nftables, which is opened when it is needed.
type filterSocket struct {
	space namespace
	name  string // of our tables
	// ids holds the netlink addresses (uint32) of our sockets. Notifications carry the address of the sender.
	ids *sync.Map

	conn *nftables.Conn
	link *netlink.Conn // the socket of conn
	// inject is for tests: see rtnetlink.inject.
	inject func(done bool) error
}

// open opens the socket if it is not open. The answers to what follows must arrive within filterTime.
func (f *filterSocket) open() error {
	if f.conn == nil {
		err := f.space.do(func() (err error) {
			f.conn, err = nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(c *netlink.Conn) error {
				f.link = c
				return errors.Join(c.SetWriteBuffer(filterBuffer), f.noteID())
			}))
			return err
		})
		if err != nil {
			return err
		}
	}
	return f.link.SetReadDeadline(time.Now().Add(filterTime))
}

// noteID adds the netlink address of the socket to ids.
func (f *filterSocket) noteID() error {
	raw, err := f.link.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		var addr unix.Sockaddr
		if addr, inner = unix.Getsockname(int(fd)); inner == nil {
			if a, ok := addr.(*unix.SockaddrNetlink); ok {
				f.ids.Store(a.Pid, true)
			}
		}
	})
	return errors.Join(err, inner)
}

func (f *filterSocket) close() {
	if f.conn != nil {
		_ = f.conn.CloseLasting()
		f.conn, f.link = nil, nil
	}
}

// flush executes the queued requests as one transaction. After an error the state of the tables and of the connection is unknown.
func (f *filterSocket) flush() error {
	err := f.link.SetReadDeadline(time.Now().Add(filterTime))
	if err == nil && f.inject != nil {
		err = f.inject(false)
	}
	if err == nil {
		err = f.conn.Flush()
	}
	if err == nil && f.inject != nil {
		err = f.inject(true)
	}
	return err
}

// removeTables removes the tables with a name in one transaction, if there are any.
func (f *filterSocket) removeTables(name string, families ...nftables.TableFamily) error {
	if err := f.open(); err != nil {
		return err
	}
	found := false
	for _, family := range families {
		tables, err := f.conn.ListTablesOfFamily(family)
		if errors.Is(err, unix.EINVAL) {
			return nil // this kernel has no nftables
		}
		if err != nil {
			return err
		}
		for _, t := range tables {
			if t.Name == name {
				f.conn.DelTable(t)
				found = true
			}
		}
	}
	if !found { // so that a kernel without a family, which refuses all changes of it, has nothing to refuse
		return nil
	}
	return f.flush()
}
