package db

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// Fault: the first run of a query held a lock while it waited for a connection, so that other
// runs blocked even after their contexts ended.
func TestFirstQueryBlocksNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := open(t)
		busy, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range readers {
			wg.Go(func() {
				if err := d.Snapshot(busy, func(*DB) error { <-busy.Done(); return nil }); err != nil {
					t.Errorf("Snapshot = %v", err)
				}
			})
		}
		synctest.Wait()
		for range 2 {
			ended, leave := context.WithCancel(t.Context())
			done := make(chan error, 1)
			wg.Go(func() { _, _ = d.Watches(busy) }) // blocks until a connection is free
			go func() { _, err := d.Watches(ended); done <- err }()
			synctest.Wait()
			leave()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("Watches = %v, want %v", err, context.Canceled)
			}
		}
		cancel()
		wg.Wait()
	})
}
