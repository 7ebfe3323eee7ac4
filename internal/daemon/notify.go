package daemon

import (
	"context"
	"fmt"
	"time"
)

func (d *Daemon) notify(state string) {
	if d.Notify != nil {
		d.Notify(state)
	}
}

// ready tells that a set is watched, and what else is to be known about it.
func (d *Daemon) ready(set *Set, note string) {
	d.notify(fmt.Sprintf("READY=1\nSTATUS=watches: %d%s", len(set.Jobs), note))
}

// beat sends now and then that what the daemon stands on answers. The first time is at
// once, so that reloads in a row leave no silence.
func (d *Daemon) beat(ctx context.Context, answered chan<- struct{}) {
	if d.Alive <= 0 {
		return
	}
	t := time.NewTicker(d.Alive)
	defer t.Stop()
	for {
		if d.Pulse != nil {
			d.Pulse(ctx)
		}
		select {
		case answered <- struct{}{}:
		case <-ctx.Done():
			return
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
