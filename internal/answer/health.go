package answer

import (
	"context"
	"time"

	"cocsync/internal/db"
)

// Health is what healthcheck tells.
type Health struct {
	Healthy bool          `json:"healthy"`
	Daemon  *string       `json:"daemon"` // which process has the archive; null: none
	Watches []WatchHealth `json:"watches"`
}

// WatchHealth is whether a watch works.
type WatchHealth struct {
	Watch      string  `json:"watch"`
	LastGoodAt *string `json:"last_good_at"`
	Stale      *string `json:"stale"` // why it does not work; null: it does
}

// NewHealth makes the answer of an archive that the daemon has ("" for none). It judges
// the watches of these names; without any, those of the archive that still follow
// something.
func NewHealth(ctx context.Context, d *db.DB, daemon string, names []string, now time.Time) (Health, error) {
	h := Health{Daemon: orNull(daemon), Watches: []WatchHealth{}}
	configured := len(names) > 0
	if !configured {
		var err error
		if names, err = d.Watches(ctx); err != nil {
			return h, err
		}
	}
	stale := 0
	for _, name := range names {
		w, err := d.Watch(ctx, name)
		if err != nil {
			return h, err
		}
		if w.Retired && !configured {
			continue
		}
		why := w.Stale(now)
		if why != "" {
			stale++
		}
		h.Watches = append(h.Watches, WatchHealth{name, Time(w.LastGoodAt), orNull(why)})
	}
	h.Healthy = daemon != "" && len(h.Watches) > 0 && stale == 0
	return h, nil
}
