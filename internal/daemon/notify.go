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

// ready reports that a set runs, with a note.
func (d *Daemon) ready(set *Set, note string) {
	d.notify(fmt.Sprintf("READY=1\nSTATUS=watches: %d%s", len(set.Jobs), note))
}

// beat sends to answered every Alive, after Pulse has returned. The first time is at once,
// so that several reloads cause no gap.
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
