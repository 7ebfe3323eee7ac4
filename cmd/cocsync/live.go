package main

import (
	"context"

	"cocsync/internal/daemon"
)

// told has the page hear of each configuration that the daemon loads or refuses.
func (a *app) told(load func(context.Context) (*daemon.Set, error)) func(context.Context) (*daemon.Set, error) {
	return func(ctx context.Context) (*daemon.Set, error) {
		set, err := load(ctx)
		a.live.Loaded(err)
		return set, err
	}
}
