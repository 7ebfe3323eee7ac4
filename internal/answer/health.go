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

// NewHealth says whether watches work: those of the names, or where there are none all
// of the archive's that follow something.
func NewHealth(ctx context.Context, d *db.DB, names []string, now time.Time) (h Health, err error) {
	h.Watches = []WatchHealth{}
	configured := len(names) > 0
	if !configured {
		if names, err = d.Watches(ctx); err != nil {
			return h, err
		}
	}
	h.Healthy = true
	for _, name := range names {
		w, err := d.Watch(ctx, name)
		if err != nil {
			return h, err
		}
		if w.Retired && !configured {
			continue
		}
		why := w.Stale(now)
		h.Watches = append(h.Watches, WatchHealth{name, Time(w.LastGoodAt), orNull(why)})
		h.Healthy = h.Healthy && why == ""
	}
	h.Healthy = h.Healthy && len(h.Watches) > 0
	return h, nil
}
