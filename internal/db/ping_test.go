package db

import (
	"context"
	"testing"
	"time"
)

// Ping returns an error while another process blocks the writer.
func TestPing(t *testing.T) {
	d, _ := open(t)
	if err := d.Ping(t.Context()); err != nil {
		t.Errorf("Ping = %v", err)
	}
	other, err := OpenShared(t.Context(), d.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Ping(t.Context()); err != nil {
		t.Errorf("Ping while another process writes = %v", err)
	}
	err = other.update(t.Context(), "wait", func(*tx) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := d.Ping(ctx); err == nil {
			t.Error("Ping = nil while another transaction is open")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Ping(t.Context()); err != nil {
		t.Errorf("Ping afterwards = %v", err)
	}
}
