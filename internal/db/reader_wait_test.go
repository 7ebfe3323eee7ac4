package db

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// A query that is made for the first time held a lock while it waited for a connection, so
// that others of its kind waited for that when their contexts had ended.
func TestFirstQueryWaitsForItself(t *testing.T) {
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
			wg.Go(func() { _, _ = d.Watches(busy) }) // waits for a connection
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
