// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// sendBatch is how many frames one system call sends.
const sendBatch = 128

// sender sends frames in batches from buffers that it reuses.
type sender struct {
	fd      int
	headers [sendBatch]mmsghdr
	iovecs  [sendBatch]unix.Iovec
	ends    [sendBatch]int // end of each frame in arena
	arena   []byte
}

func (s *sender) adverts(frames []platform.Frame) (int, error) {
	return sendAll(s, frames, frame.AppendAdvert)
}

func (s *sender) announcements(all []platform.Announcement) (int, error) {
	return sendAll(s, all, frame.AppendAnnouncement)
}

// sendAll sends all, which add encodes as frames, and returns how many the kernel accepted.
func sendAll[T any](s *sender, all []T, add func([]byte, *T) ([]byte, error)) (int, error) {
	sent := 0
	for sent < len(all) {
		batch := all[sent:min(sent+sendBatch, len(all))]
		s.arena = s.arena[:0]
		var bad error
		for i := range batch {
			if s.arena, bad = add(s.arena, &batch[i]); bad != nil {
				batch = batch[:i]
				break
			}
			s.ends[i] = len(s.arena)
		}
		n, err := s.flush(len(batch))
		sent += n
		if err = errors.Join(err, bad); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// flush sends the first n frames of the arena and returns how many the kernel accepted. The error is
// that of the frame after those.
func (s *sender) flush(n int) (int, error) {
	start := 0
	for i := range n {
		s.iovecs[i].Base = &s.arena[start]
		s.iovecs[i].SetLen(s.ends[i] - start)
		s.headers[i].hdr.Iov = &s.iovecs[i]
		s.headers[i].hdr.SetIovlen(1)
		start = s.ends[i]
	}
	sent := 0
	for sent < n {
		k, err := sendmmsg(s.fd, s.headers[sent:n])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return sent, err
		default:
			sent += k
		}
	}
	return sent, nil
}
