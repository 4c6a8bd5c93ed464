// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
)

// errDenied is the only error that clients see. The others are for the log.
var (
	errDenied      = errors.New("permission denied")
	errNoUser      = errors.New("no such user")
	errTooManyKeys = errors.New("too many keys were offered")
)

// nobody is not a user: user names contain only letters and digits.
const nobody = "-"

// grantKey is the key under which the permissions of a login contain its grant.
type grantKey struct{}

// config returns the server configuration for clients from an address.
func (s *Server) config(from netip.Addr) *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		Config:        ssh.Config{RekeyThreshold: math.MaxInt64}, // see maxTraffic
		ServerVersion: "SSH-2.0-vrrpsh",
		MaxAuthTries:  s.o.Limits.Tries,
		PasswordCallback: func(m ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if _, err := s.o.Gate.Check(s.ctx, s.o.Config().API.Users, from.String(), m.User(), string(password)); err != nil {
				s.refused(m, from, err)
				return nil, errDenied
			}
			if err := s.room(m, from); err != nil {
				return nil, err
			}
			return permissions(&grant{by: "password"}), nil
		},
		PublicKeyCallback: func(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !s.o.Gate.OfferKey(from.String()) {
				s.refused(m, from, errTooManyKeys)
				return nil, errDenied
			}
			g, err := s.authorized(m.User(), key, from)
			if err != nil {
				// A client offers all its keys, so a refused key is not an attack.
				s.o.Log.Debug("SSH key refused", "user", fmt.Sprintf("%.64s", m.User()), "source", from,
					"key", ssh.FingerprintSHA256(key), "error", err)
				return nil, errDenied
			}
			return permissions(g), nil
		},
		VerifiedPublicKeyCallback: func(m ssh.ConnMetadata, _ ssh.PublicKey, p *ssh.Permissions, _ string) (*ssh.Permissions, error) {
			if err := s.room(m, from); err != nil {
				return nil, err
			}
			return p, nil
		},
	}
	modern(c)
	c.AddHostKey(*s.key.Load())
	return c
}

func (s *Server) refused(m ssh.ConnMetadata, from netip.Addr, err error) {
	s.complaints.Warn("SSH login refused", "user", fmt.Sprintf("%.64s", m.User()), "source", from, "error", err)
}

// authorized returns what a key permits to a user.
func (s *Server) authorized(name string, key ssh.PublicKey, from netip.Addr) (*grant, error) {
	c := s.o.Config()
	_, known := findUser(c, name)
	if !known {
		name = nobody // compare anyway, so that the response time reveals nothing
	}
	file, err := readKeys(c.SSH.KeysOf(name), name)
	if err == nil && !known {
		err = errNoUser
	}
	if err != nil {
		return nil, err
	}
	g, err := findKey(file, key, from, s.o.Now())
	if err != nil {
		return nil, err
	}
	g.by = key.Type() + " " + ssh.FingerprintSHA256(key)
	return g, nil
}

func permissions(g *grant) *ssh.Permissions {
	p := &ssh.Permissions{ExtraData: map[any]any{grantKey{}: g}}
	if g.noTouch {
		p.Extensions = map[string]string{"no-touch-required": ""}
	}
	return p
}

// findUser returns a user of a configuration.
func findUser(c *conf.Config, name string) (conf.User, bool) {
	for _, u := range c.API.Users {
		if u.Name == name {
			return u, true
		}
	}
	return conf.User{}, false
}
