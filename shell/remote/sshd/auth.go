package sshd

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
)

// errDenied is all that a client is told.
var errDenied = errors.New("permission denied")

// grantKey is where the grant of a login is in its permissions.
type grantKey struct{}

// config says who may log in from an address.
func (s *Server) config(from netip.Addr) *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-vrrpsh",
		MaxAuthTries:  s.o.Limits.Tries,
		PasswordCallback: func(m ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if _, err := s.o.Gate.Check(s.ctx, s.o.Config().API.Users, from.String(), m.User(), string(password)); err != nil {
				s.refused(m, from, err)
				return nil, errDenied
			}
			return permissions(&grant{by: "password"}), nil
		},
		PublicKeyCallback: func(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			g, err := s.authorized(m.User(), key, from)
			if err != nil {
				// A client offers all the keys it has: that is no attack.
				s.o.Log.Debug("SSH key refused", "user", fmt.Sprintf("%.64s", m.User()), "source", from,
					"key", ssh.FingerprintSHA256(key), "error", err)
				return nil, errDenied
			}
			return permissions(g), nil
		},
	}
	c.AddHostKey(*s.key.Load())
	return c
}

func (s *Server) refused(m ssh.ConnMetadata, from netip.Addr, err error) {
	s.complaints.Warn("SSH login refused", "user", fmt.Sprintf("%.64s", m.User()), "source", from, "error", err)
}

// authorized finds what a key permits a user.
func (s *Server) authorized(name string, key ssh.PublicKey, from netip.Addr) (*grant, error) {
	c := s.o.Config()
	if _, ok := findUser(c, name); !ok {
		return nil, errors.New("no such user")
	}
	path := c.SSH.KeysOf(name)
	file, err := readKeys(path, name)
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
