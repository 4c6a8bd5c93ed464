// SPDX-License-Identifier: GPL-3.0-only

package fake_test

import (
	"context"
	"testing"

	"vrrpsh/platform"
	"vrrpsh/platform/fake"
)

// If all interfaces are gone before Watch starts, it reports an empty state.
func TestWatchTellsThatThereIsNothing(t *testing.T) {
	r := fake.NewLAN().AddRouter("r1")
	s := r.Boot()
	defer func() { _ = s.Close() }()
	if err := r.DeleteLink("eth0"); err != nil {
		t.Fatal(err)
	}
	told := make(chan platform.Update, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Watch(ctx, func(u platform.Update) { told <- u }) }()
	if u := <-told; len(u.Links) > 0 {
		t.Errorf("reported %v", u.Links)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
