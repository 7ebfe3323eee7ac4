package web

import (
	"context"

	"cocsync/internal/coc"
	"cocsync/internal/db"
)

// standing is how a watch stands.
type standing struct {
	name string
	coc.WatchState
}

// standings are the watches that somebody counts on: those of the daemon's
// configuration, or where there is no daemon here, those of the archive that were not
// retired.
func (s *Site) standings(ctx context.Context, d *db.DB) (list []standing, err error) {
	names, known := s.Live.configured()
	if !known {
		if names, err = d.Watches(ctx); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		w, err := d.Watch(ctx, name)
		if err != nil {
			return nil, err
		}
		if known || !w.Retired {
			list = append(list, standing{name, w})
		}
	}
	return list, nil
}
