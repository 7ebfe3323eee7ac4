package main

import (
	"context"

	"cocsync/internal/daemon"
)

// noteLoads reports to the page each configuration that the daemon loads or refuses.
func (a *app) noteLoads(load func(context.Context) (*daemon.Set, error)) func(context.Context) (*daemon.Set, error) {
	return func(ctx context.Context) (*daemon.Set, error) {
		set, err := load(ctx)
		a.live.Loaded(err)
		return set, err
	}
}
